import { decodeTextFrame, encodeTextFrame } from "@musubi/protocol";
import { createMemoryTransport, type MemoryPeer, type TransportConstructor } from "@musubi/testing";

/** A message of the client as it came over the line. */
export interface LineMessage {
  readonly joinRef: string | null;
  readonly ref: string | null;
  readonly topic: string;
  readonly event: string;
  readonly payload: unknown;
}

/** A server of bare frames that answers every message with ok, unless told otherwise. */
export class LineServer {
  /** The address of every attempt, in order. */
  readonly urls: URL[] = [];
  readonly received: LineMessage[] = [];
  readonly transport: TransportConstructor;
  /** Whether connections are let in. */
  isAccepting = true;
  /** Decides a message's answer; `null` gives none. */
  answer: (message: LineMessage) => "ok" | "error" | null = () => "ok";
  readonly #peers = new Set<MemoryPeer>();

  constructor() {
    this.transport = createMemoryTransport({
      connect: (url, peer) => {
        this.urls.push(new URL(url));
        if (!this.isAccepting) return undefined;
        this.#peers.add(peer);
        return {
          message: (text) => this.#receive(peer, text),
          close: () => this.#peers.delete(peer),
        };
      },
    });
  }

  get connections(): number {
    return this.#peers.size;
  }

  /** The `token` of every attempt's address. */
  get urlTokens(): (string | null)[] {
    return this.urls.map((url) => url.searchParams.get("token"));
  }

  /** The `token` in every `phx_join` of a topic, or of all. */
  joinTokens(topic?: string): unknown[] {
    return this.received
      .filter((message) => message.event === "phx_join" && (topic === undefined || message.topic === topic))
      .map((message) => (message.payload as { token?: unknown }).token);
  }

  events(topic: string): string[] {
    return this.received.filter((message) => message.topic === topic).map((message) => message.event);
  }

  count(event: string): number {
    return this.received.filter((message) => message.event === event).length;
  }

  /** Sends any text to every client. */
  send(text: string): void {
    for (const peer of this.#peers) peer.send(text);
  }

  close(code: number): void {
    for (const peer of this.#peers) peer.close(code);
    this.#peers.clear();
  }

  #receive(peer: MemoryPeer, text: string): void {
    const message = decodeTextFrame(text) as LineMessage;
    this.received.push(message);
    const status = this.answer(message);
    if (status === null) return;
    const { joinRef, ref, topic } = message;
    peer.send(encodeTextFrame({ joinRef, ref, topic, event: "phx_reply", payload: { status, response: {} } }));
  }
}
