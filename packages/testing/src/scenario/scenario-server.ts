import {
  CONNECTION_TOPIC,
  decodeTextFrame,
  encodeTextFrame,
  HEARTBEAT,
  PHOENIX_TOPIC,
  PHX_CLOSE,
  PHX_ERROR,
  PHX_JOIN,
  PHX_LEAVE,
  PHX_REPLY,
} from "@musubi/protocol";
import type { MemoryListener, MemoryPeer } from "../memory-transport.js";
import type { ReceivedMessage } from "../scripted-server.js";

/** The server's end of one connection. */
interface Line {
  readonly peer: MemoryPeer;
  joinRef: string | null;
}

/** A message of the client, and what has become of it. */
export interface ClientPush extends ReceivedMessage {
  /** Whether a step of the scenario has named it. */
  isNamed: boolean;
  /** Also when its join is over, so that no answer reaches anybody. */
  isAnswered: boolean;
}

/** A server that does nothing by itself but answer heartbeats and leaves: the scenario says the rest. */
export class ScenarioServer {
  /** Everything the client pushed but heartbeats, in order of arrival. */
  readonly pushes: ClientPush[] = [];
  readonly #lines = new Map<ClientPush, Line>();
  #line: Line | undefined;
  #isSilent = false;
  /** Whether connections are let in. */
  isAccepting = true;

  readonly listener: MemoryListener = {
    connect: (_url, peer) => {
      if (!this.isAccepting) return undefined;
      const line: Line = { peer, joinRef: null };
      this.#line = line;
      this.#isSilent = false;
      return {
        message: (text) => {
          if (this.#line === line && !this.#isSilent) this.#receive(line, text);
        },
        close: () => {
          if (this.#line === line) this.#line = undefined;
        },
      };
    },
  };

  /** Answers a push, over the connection it came by. */
  reply(push: ClientPush, status: string, response: unknown): void {
    push.isAnswered = true;
    const { joinRef, ref, topic } = push;
    const line = this.#lines.get(push);
    if (line === undefined || line !== this.#line || this.#isSilent) return;
    line.peer.send(encodeTextFrame({ joinRef, ref, topic, event: PHX_REPLY, payload: { status, response } }));
  }

  /** Sends a message on the connection channel; nothing when it is not joined. */
  push(event: string, payload: unknown, ref: string | null = null): void {
    const { peer, joinRef = null } = this.#line ?? {};
    if (peer === undefined || joinRef === null || this.#isSilent) return;
    peer.send(encodeTextFrame({ joinRef, ref, topic: CONNECTION_TOPIC, event, payload }));
  }

  /** Ends the channel: `phx_error` is a crash, `phx_close` a close that nobody asked for. */
  endChannel(event: typeof PHX_ERROR | typeof PHX_CLOSE): void {
    const line = this.#line;
    if (line === undefined) return;
    this.push(event, {}, line.joinRef);
    line.joinRef = null;
  }

  /** Cuts the connection, with what is on its way. */
  cut(): void {
    this.#line?.peer.close(1006);
    this.#line = undefined;
  }

  /** From now on the connection carries nothing, either way, and neither end is told. */
  silence(): void {
    this.#isSilent = true;
  }

  /** A new join: what was pushed before it is never answered. */
  #forget(but: ClientPush): void {
    for (const push of this.pushes) if (push !== but) push.isAnswered = true;
  }

  #receive(line: Line, text: string): void {
    const message = decodeTextFrame(text) as ReceivedMessage;
    const push: ClientPush = { ...message, isNamed: false, isAnswered: false };
    this.#lines.set(push, line);
    if (message.topic === PHOENIX_TOPIC && message.event === HEARTBEAT) return this.reply(push, "ok", {});
    this.pushes.push(push);
    if (message.event === PHX_JOIN) {
      this.#forget(push);
      line.joinRef = message.joinRef;
    }
    if (message.event !== PHX_LEAVE) return;
    this.reply(push, "ok", {});
    if (line.joinRef !== message.joinRef) return;
    this.push(PHX_CLOSE, {}, message.joinRef);
    line.joinRef = null;
  }
}
