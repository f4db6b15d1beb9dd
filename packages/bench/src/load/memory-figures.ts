import { SENDERS } from "./cases.js";
import type { Figure, Measured } from "./figure.js";
import type { LoadOptions } from "./load-options.js";
import type { Memory } from "./pair.js";
import type { SubjectName } from "./subjects/subject.js";

/** What sockets and roots weigh in their servers, one figure per batch of them. */
export function memoryFigures(options: LoadOptions, memory: ReadonlyMap<SubjectName, Memory>): Figure[] {
  const idle = SENDERS.map((name): Measured => ({ name, rounds: memory.get(name)?.perSocket ?? [] }));
  const bare: Measured = { name: "ws", rounds: memory.get("ws")?.perSocket ?? [] };
  const ours = memory.get("ours");
  const joined = ours?.perSocket.map((bytes, batch) => bytes + (ours.perJoin[batch] ?? 0)) ?? [];
  const roots = memory.get("stores")?.perJoin ?? [];
  const common = { unit: "bytes", reference: "ws" } as const;
  return [
    {
      ...common,
      case: "idle-socket",
      title: "memory of a socket that does nothing",
      size: options.clients,
      measured: idle,
    },
    {
      ...common,
      case: "joined-socket",
      title: "memory of a socket that has joined a channel; with ws there is nothing to join",
      size: options.clients,
      measured: [bare, { name: "ours", rounds: joined }],
    },
    {
      ...common,
      case: "root",
      title: "memory of a mounted root of one small store; ws: of a socket",
      size: options.roots,
      measured: [bare, { name: "ours", rounds: roots }],
    },
  ];
}
