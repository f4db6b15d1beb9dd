import { type CommandDef, connect, type StoreDef } from "@musubi/client";
import { Socket } from "phoenix";
import { WebSocket } from "ws";

const HUES = ["indigo", "teal", "moss", "amber", "madder", "wisteria", "rose", "slate"];

interface Stores {
  "Demo.People": StoreDef<{ people: unknown[] }, { focus: CommandDef<{ cardId: string | null }> }>;
}

/** Lets people come to the demo who have no page, and hold a card each: the nth person edits the nth card. */
export async function bringCrowd(
  port: number,
  names: readonly string[],
  cards: readonly string[],
): Promise<() => void> {
  const sockets = await Promise.all(
    names.map(async (name, index) => {
      const socket = new Socket(`ws://127.0.0.1:${port}/socket`, {
        transport: WebSocket as unknown as typeof globalThis.WebSocket,
        params: { id: `crowd${index}`, name, hue: HUES[index % HUES.length] },
      });
      const connection = await connect<Stores>(socket);
      const { store } = await connection.mountStore({ module: "Demo.People", id: "here", params: {} });
      await store.dispatchCommand("focus", { cardId: cards[index] ?? null });
      return socket;
    }),
  );
  return () => sockets.forEach((socket) => socket.disconnect());
}
