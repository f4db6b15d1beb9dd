import type { MusubiConnection, UploadHandle } from "@musubi/client";
import { Socket } from "phoenix";
import { WebSocket } from "ws";

/** A phoenix.js socket of a user of the guide. */
export function open(url: string, name: string): Socket {
  const options = { transport: WebSocket, authToken: `token-of-${name}` };
  return new Socket(url, options);
}

/** What the guide's stores show, all of them in one: their own types are checked where they are compiled. */
interface Snapshot {
  readonly title: string;
  readonly isOpen: boolean;
  readonly isExpanded: boolean;
  readonly owner: string | null;
  readonly state: string;
  readonly count: number;
  readonly cards: readonly Pick<Snapshot, "title" | "isExpanded">[];
  readonly lines: readonly { readonly text: string }[];
  readonly profile: object;
  readonly orders: object;
  readonly refund: string;
  readonly saved: readonly string[];
}

/** Any store of the guide. */
export interface AnyProxy {
  readonly cards: readonly AnyProxy[];
  readonly papers: UploadHandle;
  readonly videos: UploadHandle;
  snapshot(): Snapshot;
  subscribe(listener: () => void): () => void;
  handleEvent(name: string, listener: (payload: unknown) => void): () => void;
  dispatchCommand(name: string, payload?: object): Promise<{ readonly id?: string }>;
}

export async function mount(
  connection: MusubiConnection<never>,
  module: string,
  id: string,
  params = {},
): Promise<AnyProxy> {
  const { store } = await connection.mountStore({ module, id, params } as never);
  return store as unknown as AnyProxy;
}
