import {
  diff,
  type JsonObject,
  type JsonValue,
  PATCH,
  ROOT_DOWN,
  type StreamOp,
  type UploadOp,
} from "@musubi/protocol";
import type { SeededRandom } from "@musubi/testing";
import type { Coverage } from "./coverage.js";
import type { ModelClient } from "./model-client.js";
import { ModelDocument } from "./model-document.js";
import type { RootTrouble } from "./moods.js";
import { RootRun, type RunVersion } from "./root-run.js";
import type { ServerStyle } from "./server-style.js";

/** Envelopes that a client cannot apply. */
const BROKEN = {
  wrong_op: {
    ops: [
      { op: "replace", path: "/n", value: -1 },
      { op: "remove", path: "/nowhere/x" },
    ],
  },
  wrong_shape: { ops: "none" },
  first_again: { base_version: 0, version: 1, ops: [{ op: "replace", path: "/n", value: -1 }] },
} as const;

/** Where roots are mounted: a connection's, or those that a session keeps for a client that is away. */
export type RootHolder = readonly [roots: ReadonlyMap<string, RootRun>, client: ModelClient | undefined];

/** The documents of a server, and every life of every root that shows one. */
export class ModelRoots {
  /** Every life of every root, by its number, which is in its tree as `run`. */
  readonly runs: RootRun[] = [];
  /** Pairs that a client may rightly give up: their server said so, or crashed while they were mounted. */
  readonly excused: Set<string> = new Set();
  readonly #documents = new Map<string, ModelDocument>();
  readonly #random: SeededRandom;
  readonly #style: ServerStyle;
  readonly #coverage: Coverage;
  readonly #holders: () => Iterable<RootHolder>;
  #nextEvent = 0;

  constructor(
    random: SeededRandom,
    style: ServerStyle,
    coverage: Coverage,
    /** Who holds roots, each holder once. */
    holders: () => Iterable<RootHolder>,
  ) {
    this.#random = random;
    this.#style = style;
    this.#coverage = coverage;
    this.#holders = holders;
  }

  /** Changes a document, mounted or not. */
  change(pair: string, random: SeededRandom = this.#random): void {
    const ops = this.#documentOf(pair).change(random);
    for (const [client, run] of this.#runsOf(pair)) this.#publish(client, run, ops, random.chance(0.15));
  }

  trouble(pair: string, kind: RootTrouble): void {
    if (kind === "gap") {
      this.#skip(pair);
      return;
    }
    for (const [client, run] of this.#runsOf(pair)) {
      if (client === undefined || run.isPaused) continue;
      if (kind === "restart") {
        this.#coverage.note("restart in place");
        this.begin(client, run.pair, run.rootId, run.params);
      } else if (kind === "down" || kind === "down_for_good") {
        this.end(client, run, kind === "down");
      } else {
        this.#coverage.note(kind === "wrong_shape" ? "envelope of a wrong shape" : "envelope that does not apply");
        const { version } = run;
        run.spoil();
        const payload = { type: "patch", root_id: run.rootId, stream_ops: [] };
        const broken = { base_version: version, version: version + 1, ...payload, ...BROKEN[kind] };
        this.#deliver(client, run, broken);
      }
    }
  }

  /** Begins a life of a root. */
  begin(client: ModelClient, pair: string, rootId: string, params: JsonValue, isTold = true): RootRun {
    const document = this.#documentOf(pair);
    const run = new RootRun(
      { number: this.runs.length, pair, rootId, params, hasUploads: this.#style.hasUploads },
      document,
    );
    this.runs.push(run);
    client.roots.set(rootId, run);
    if (isTold) {
      client.push(rootId, PATCH, {
        type: "patch",
        root_id: rootId,
        base_version: 0,
        version: 1,
        ops: [{ op: "replace", path: "", value: run.current.tree as JsonValue }],
        stream_ops: document.streamOps() as unknown as JsonValue,
        ...(this.#style.hasSessions ? { epoch: run.epoch } : {}),
      });
    }
    return run;
  }

  /** Ends a root for its client. */
  end(client: ModelClient, run: RootRun, retry: boolean): void {
    if (!retry) this.excused.add(run.pair);
    this.#coverage.note(retry ? "root down, to be retried" : "root down for good");
    client.roots.delete(run.rootId);
    if (!run.isPaused) client.push(run.rootId, ROOT_DOWN, { root_id: run.rootId, reason: "broken", retry });
  }

  /** Takes a version of which nobody hears; the one after it shows that. */
  #skip(pair: string): void {
    const document = this.#documentOf(pair);
    const ops = document.change(this.#random);
    for (const [, run] of this.#runsOf(pair)) this.#publish(undefined, run, ops, false);
    document.tree = { ...document.tree, n: document.tree.n + 1 };
    for (const [client, run] of this.#runsOf(pair)) {
      this.#coverage.note("envelope with a gap");
      this.#publish(client, run, [], false);
    }
  }

  /** Tells what became of a root's files, in an envelope of their own. */
  publishUploads(run: RootRun, ops: readonly UploadOp[]): void {
    const found = this.#runsOf(run.pair).find(([, each]) => each === run);
    if (found === undefined) return;
    const document = this.#documentOf(run.pair);
    run.advance(run.render(document), document.streams, [], []);
    this.#deliver(found[0], run, {
      type: "patch",
      root_id: run.rootId,
      base_version: run.version - 1,
      version: run.version,
      ops: [],
      stream_ops: [],
      upload_ops: ops as unknown as JsonValue,
    });
  }

  #publish(client: ModelClient | undefined, run: RootRun, streamOps: readonly StreamOp[], hasEvent: boolean): void {
    const events = hasEvent ? [this.#nextEvent++] : [];
    const next = this.#advance(run, streamOps, events);
    if (next === undefined) return;
    if (hasEvent) this.#coverage.note("event");
    this.#deliver(client, run, {
      type: "patch",
      root_id: run.rootId,
      base_version: run.version - 1,
      version: run.version,
      ops: next.ops,
      stream_ops: streamOps,
      ...(hasEvent ? { events: [{ name: "note", payload: events[0] as number, store_id: [] }] } : {}),
    });
  }

  /** Logs what a root says, and says it unless its client has yet to ask for it. */
  #deliver(client: ModelClient | undefined, run: RootRun, payload: JsonObject): void {
    run.log.push(payload);
    if (!run.isPaused) client?.push(run.rootId, PATCH, payload);
  }

  /** Takes the next version; nothing when the cycle was idle. */
  #advance(run: RootRun, streamOps: readonly StreamOp[], events: readonly number[]): RunVersion | undefined {
    const document = this.#documentOf(run.pair);
    const tree = run.render(document);
    const ops = diff(run.current.tree as JsonValue, tree as JsonValue);
    if (ops.length + streamOps.length + events.length === 0) return undefined;
    return run.advance(tree, document.streams, ops, events);
  }

  /** The lives of a pair, with the connections that they are mounted on; none for one whose client is away. */
  #runsOf(pair: string): [ModelClient | undefined, RootRun][] {
    const found: [ModelClient | undefined, RootRun][] = [];
    for (const [roots, client] of this.#holders()) {
      for (const run of roots.values()) if (run.pair === pair) found.push([client, run]);
    }
    return found;
  }

  #documentOf(pair: string): ModelDocument {
    let document = this.#documents.get(pair);
    if (document === undefined) {
      document = new ModelDocument(pair, this.#random);
      this.#documents.set(pair, document);
    }
    return document;
  }
}
