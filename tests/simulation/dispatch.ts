import { MusubiCommandError } from "@musubi/client";
import { type StoreId, storeIdKey } from "@musubi/protocol";
import type { CommandToSend, Hold, SentCommand } from "./application.js";
import { covered } from "./coverage.js";
import { Divergence } from "./divergence.js";
import { Overlay } from "./optimistic.js";
import type { RootWatch } from "./root-watch.js";
import type { World } from "./world.js";

/** Sends a command. Returns it, for it to be aborted. */
export function dispatch(
  world: World,
  hold: Hold,
  { payload, store, update, ...options }: CommandToSend,
  abort: AbortController,
): SentCommand {
  const { watch } = hold;
  const token = `t${world.commands.length}`;
  const ids = watch.storeIds();
  const storeId = ids[store % Math.max(1, ids.length)] ?? [];
  const overlay =
    update === undefined ? undefined : new Overlay(token, storeIdKey(storeId), update, world.style.hasSessions);
  const command: SentCommand = { token, abort, overlay, outcomes: [] };
  world.commands.push(command);
  if (overlay !== undefined) watch.expectOverlay(overlay);
  const sending = watch.root.dispatch(
    storeId,
    "act",
    { token, ...payload },
    { ...options, signal: abort.signal, ...(overlay === undefined ? {} : { optimistic: overlay.update }) },
  );
  if (overlay !== undefined) noteShown(world, watch, overlay, storeId);
  const end = (outcome: string): void => {
    command.outcomes.push(outcome);
    world.coverage.note(covered(`command ${outcome}`));
    if (overlay?.outcome === undefined) overlay?.end(outcome === "resolved", watch.moment);
  };
  void sending.then(
    (reply) => {
      end("resolved");
      if ((reply as { token?: unknown }).token !== token)
        world.fail(new Divergence("a command gets its own reply", `${token} got ${JSON.stringify(reply)}`));
    },
    (error: unknown) => {
      if (MusubiCommandError.is(error)) end(error.fate);
      else world.fail(error);
    },
  );
  return command;
}

function noteShown({ coverage }: World, watch: RootWatch, overlay: Overlay, storeId: StoreId): void {
  overlay.wasShown = watch.isShown(overlay);
  if (overlay.kind === "throw") coverage.note("update that throws");
  if (!overlay.wasShown) return;
  coverage.note("update shown");
  if (storeId.length > 0) coverage.note("update over a store below the root");
}
