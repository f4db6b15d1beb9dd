import { Socket } from "phoenix";
import { WebSocket } from "ws";

/** A client that edits one card as fast as the server answers. */
export interface EditLoad {
  /** The number in the last edit that the server acknowledged; 0 before the first. */
  readonly acknowledged: number;
  stop(): void;
}

interface Tree {
  readonly columns: readonly {
    readonly cards: readonly { readonly id: string; readonly __musubi_store_id__: string[] }[];
  }[];
}

/**
 * Joins with phoenix.js alone, and renames a card to `load 1`, `load 2` and so on, each after the answer to the one
 * before and after `turn`, until it is stopped or the server is gone. What is acknowledged must outlive whatever happens
 * next.
 */
export async function startEditLoad(
  port: number,
  cardId: string,
  from: number,
  turn: () => Promise<unknown>,
): Promise<EditLoad> {
  const socket = new Socket(`ws://127.0.0.1:${port}/socket`, {
    transport: WebSocket as unknown as typeof globalThis.WebSocket,
    params: { id: "load", name: "Load", hue: "slate" },
  });
  let isStopped = false;
  let acknowledged = from;
  const stop = (): void => {
    isStopped = true;
    socket.disconnect();
  };
  socket.onClose(stop);
  socket.onError(stop);
  socket.connect();
  const channel = socket.channel("musubi:connection", {});
  const answer = (push: ReturnType<typeof channel.push>): Promise<{ root_id?: string }> =>
    new Promise((resolve, reject) => {
      push.receive("ok", resolve).receive("error", reject).receive("timeout", reject);
    });
  const tree = new Promise<Tree>((resolve) => {
    channel.on("patch", ({ ops }: { ops: { path: string; value: Tree }[] }) => {
      if (ops[0]?.path === "") resolve(ops[0].value);
    });
  });
  await answer(channel.join());
  const { root_id } = await answer(channel.push("mount", { module: "Demo.Board", id: "load", params: {} }));
  const card = (await tree).columns.flatMap(({ cards }) => cards).find(({ id }) => id === cardId);
  if (card === undefined) throw new Error(`There is no card ${cardId}.`);

  const rename = (): void => {
    if (isStopped) return;
    const number = acknowledged + 1;
    const payload = { title: `load ${number}`, note: "" };
    channel
      .push("command", { root_id, store_id: card.__musubi_store_id__, name: "edit", payload })
      .receive("ok", () => {
        acknowledged = number;
        turn().then(rename, stop);
      });
  };
  rename();
  return {
    get acknowledged() {
      return acknowledged;
    },
    stop,
  };
}
