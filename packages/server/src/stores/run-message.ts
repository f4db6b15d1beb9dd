import { isObject, type JsonObject, MusubiError } from "@musubi/protocol";
import { takeResult } from "./async/async-slots.js";
import type { Cycle } from "./cycle.js";
import { refusal } from "./failure.js";
import type { Instance } from "./instance.js";
import { isThenable, type MaybePromise, thenDo } from "./maybe-promise.js";
import { aroundCommand, hasHooks } from "./run-hooks.js";
import { Rejection } from "./rejection.js";
import { describeMessage, type RootMessage } from "./root-message.js";
import { validate } from "./schema.js";
import { mountStore, settle } from "./settle.js";
import { toJson } from "./write-json.js";

/** Bounds on code of the app, in milliseconds. */
export interface RunLimits {
  readonly handlerTimeoutMs: number;
  readonly mountTimeoutMs: number;
}

/** A message that a store which is there handles. */
type HandledMessage = Exclude<RootMessage, { readonly kind: "mount" | "upload" }>;

/** Mounts the root store and renders it with everything below. */
export async function runMount(cycle: Cycle, root: Instance, params: unknown, limits: RunLimits): Promise<void> {
  const mounting = mountStore(cycle, root, checkParams(root, params));
  const settling = isThenable(mounting) ? mounting.then(() => settle(cycle)) : settle(cycle);
  if (isThenable(settling)) await cycle.wait(settling, limits.mountTimeoutMs, `the mount of ${root.label}`);
}

/** Runs a message, then renders what it changed. Resolves with the reply. */
export async function runHandler(
  cycle: Cycle,
  message: HandledMessage,
  instance: Instance | undefined,
  limits: RunLimits,
): Promise<JsonObject> {
  const what = describeMessage(message);
  if (instance === undefined) throw refused("unknown_store");
  const running = run(cycle, instance, message);
  const result = isThenable(running) ? await cycle.wait(running, limits.handlerTimeoutMs, what) : running;
  const reply = message.kind === "command" ? toReply(result, `the reply of ${what} of ${instance.label}`) : {};
  const settling = settle(cycle);
  if (isThenable(settling)) await cycle.wait(settling, limits.mountTimeoutMs, `rendering after ${what}`);
  return reply;
}

function run(cycle: Cycle, instance: Instance, message: HandledMessage): MaybePromise<unknown> {
  switch (message.kind) {
    case "command":
      return runCommand(cycle, instance, message);
    case "info":
      return runInfo(cycle, instance, message);
    case "async":
      return takeResult(cycle, message.run);
    case "update":
      return cycle.handle(instance).assign(message.assigns);
    default:
      return message satisfies never;
  }
}

function runCommand(
  cycle: Cycle,
  instance: Instance,
  message: RootMessage & { readonly kind: "command" },
): MaybePromise<unknown> {
  const command = instance.definition.commands.get(message.name);
  if (command === undefined) throw refused("unknown_command");
  const handle = (payload: unknown): MaybePromise<unknown> => {
    const ctx = cycle.handle(instance);
    if (!hasHooks(instance)) return command.handler(ctx, payload);
    const what = `the reply of the command "${message.name}" of ${instance.label}`;
    const call = { name: message.name, payload };
    const handler = (): unknown => command.handler(ctx, payload);
    return aroundCommand(cycle, instance, call, handler, (result) => toReply(result, what));
  };
  if (command.schema === null) return handle({});
  return thenDo(validate(command.schema, message.payload), (result) => {
    if (!result.valid) throw refused("invalid_payload", { issues: toJson(result.issues, "the issues of a payload") });
    // The schema may have outlasted the message.
    if (cycle.over) throw cycle.cancelled ?? new MusubiError("stale_context", "the message has ended");
    return handle(result.value);
  });
}

function runInfo(
  cycle: Cycle,
  instance: Instance,
  message: RootMessage & { readonly kind: "info" },
): MaybePromise<unknown> {
  const handler = instance.definition.info.get(message.name);
  if (handler === undefined) {
    throw new MusubiError("invalid_usage", `${instance.label} has no info handler called "${message.name}"`);
  }
  return handler(cycle.handle(instance), message.message);
}

function checkParams(root: Instance, params: unknown): MaybePromise<unknown> {
  const schema = root.definition.params;
  if (schema === null) return {};
  return thenDo(validate(schema, params), (result) => {
    if (result.valid) return result.value;
    throw refused("invalid_params", { issues: toJson(result.issues, "the issues of params") });
  });
}

function toReply(result: unknown, what: string): JsonObject {
  const json = toJson(result, what, {});
  if (isObject(json)) return json;
  throw new MusubiError("invalid_usage", `${what} is no object: a command answers an object, or nothing`);
}

function refused(code: string, more: JsonObject = {}): Rejection {
  return new Rejection(code, refusal(code, more));
}
