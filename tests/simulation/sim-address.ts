import type { SocketExtras } from "@musubi/client/socket";
import type { Coverage } from "./coverage.js";
import { Divergence } from "./divergence.js";
import { ELSEWHERE } from "./model-server.js";

/** Where the application's socket connects at first. */
export const HOME = "ws://model/socket";

const MAX_MOVES = 5;
const LASTS_MS = 10_000;

/** Whether a socket connects where it has to: at home, or where its server has sent it (client.md, `createSocket`). */
export class SimAddress {
  readonly #now: () => number;
  readonly #coverage: Coverage;
  readonly #fail: (error: unknown) => void;
  #next = HOME;
  #tried = HOME;
  #openedAt = 0;
  #moves = 0;
  /** Whether the server's last word of a move was followed. */
  #isFollowed = true;

  constructor(now: () => number, coverage: Coverage, fail: (error: unknown) => void) {
    this.#now = now;
    this.#coverage = coverage;
    this.#fail = fail;
  }

  /** Looks on as a socket of `createSocket` is moved. */
  watch(socket: SocketExtras): void {
    const move = socket.move.bind(socket);
    socket.move = (url) => {
      if (this.#now() - this.#openedAt >= LASTS_MS) this.#moves = 0;
      const isExpected = this.#moves++ < MAX_MOVES;
      // Before it is told: it connects there at once.
      if (isExpected) this.#next = url;
      const isMoving = move(url);
      if (isMoving !== isExpected) this.#fail(new Divergence("five moves in a row are followed", String(isMoving)));
      if (isMoving) this.#coverage.note("socket moved");
      this.#isFollowed = isMoving;
      return isMoving;
    };
  }

  /** A connection is about to be made; it did not open, should there be another before `opened`. */
  attempted(url: string): void {
    if (!url.startsWith(`${this.#next}/`))
      this.#fail(new Divergence("a socket connects where its server is", `${url}, not ${this.#next}`));
    if (this.#tried === ELSEWHERE && this.#next === HOME) this.#coverage.note("socket back home");
    this.#tried = this.#next;
    this.#next = HOME;
  }

  opened(): void {
    this.#next = this.#tried;
    this.#openedAt = this.#now();
  }

  /** A connection was refused for good because its server has moved. */
  refused(): void {
    if (this.#isFollowed) this.#fail(new Divergence("a server that has moved is followed", this.#next));
    this.#coverage.note("connect refused after too many moves");
  }
}
