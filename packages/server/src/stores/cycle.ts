import { type JsonObject, MusubiError, type StoreEvent, type StreamOp, type UploadOp } from "@musubi/protocol";
import type { Instance, InstanceState } from "./instance.js";
import type { RootScope } from "./root-scope.js";
import { StoreHandle } from "./store-handle.js";

/**
 * One message's transaction on a root: what it changed, what it wants to send, and how to put everything back.
 *
 * It is over once it has been committed, rolled back or cancelled; from then on its contexts are dead, and whatever
 * still runs for it can neither change nor send anything.
 */
export class Cycle {
  readonly scope: RootScope;
  readonly commandId: number | null;
  /** Stores that have to render anew. */
  readonly dirty: Set<Instance> = new Set();
  /**
   * What stores rendered in this cycle, containers of their own all of it but the children, who are there as they were;
   * those that this cycle changes are put in at its end.
   */
  readonly templates: Map<Instance, JsonObject> = new Map();
  /** Stores whose mount succeeded in this cycle. */
  readonly mounted: Instance[] = [];
  /** Stores that left the tree in this cycle. */
  readonly removed: Set<Instance> = new Set();
  readonly streamOps: { readonly instance: Instance; readonly op: StreamOp }[] = [];
  readonly uploadOps: { readonly instance: Instance; readonly op: UploadOp }[] = [];
  readonly events: StoreEvent[] = [];
  /** Milliseconds that renders have taken; counted where a hook will be told. */
  renderMs = 0;
  /** What waits until the client has been sent what this cycle has changed, or never will be. */
  readonly told: (() => void)[] = [];
  readonly #before = new Map<Instance, InstanceState>();
  readonly #handles = new Map<Instance, StoreHandle>();
  readonly #undo: (() => void)[] = [];
  readonly #effects: (() => void)[] = [];
  #controller: AbortController | null = null;
  #over = false;
  #cancelled: Error | null = null;
  #interrupt: ((reason: Error) => void) | null = null;

  /** `commandId`: the number that the client gave the command. */
  constructor(scope: RootScope, commandId: number | null = null) {
    this.scope = scope;
    this.commandId = commandId;
  }

  get over(): boolean {
    return this.#over;
  }

  /** Why the cycle was cancelled. */
  get cancelled(): Error | null {
    return this.#cancelled;
  }

  /** Aborted when the cycle is cancelled or rolled back. */
  get signal(): AbortSignal {
    this.#controller ??= new AbortController();
    return this.#controller.signal;
  }

  /** The context of a store in this cycle. */
  handle(instance: Instance): StoreHandle {
    let handle = this.#handles.get(instance);
    if (handle === undefined) {
      handle = new StoreHandle(this, instance);
      this.#handles.set(instance, handle);
    }
    return handle;
  }

  /** Has to be called before anything of an instance's state changes. */
  touch(instance: Instance): InstanceState {
    if (!this.#before.has(instance)) this.#before.set(instance, { ...instance.state });
    return instance.state;
  }

  /** The state of an instance before this cycle, if the cycle touched it. */
  before(instance: Instance): InstanceState | undefined {
    return this.#before.get(instance);
  }

  onRollback(undo: () => void): void {
    this.#undo.push(undo);
  }

  /** Runs when the cycle has succeeded, before anything is sent. */
  onCommit(effect: () => void): void {
    this.#effects.push(effect);
  }

  /** Waits for code of the app, no longer than `timeoutMs`, nor past a {@link cancel}. */
  wait<T>(work: PromiseLike<T>, timeoutMs: number, what: string): Promise<T> {
    const { clock, logger, rootId } = this.scope;
    return new Promise<T>((resolve, reject) => {
      const settle = (): void => {
        clock.clearTimeout(timer);
        this.#interrupt = null;
      };
      const timer = clock.setTimeout(() => {
        this.cancel(new MusubiError("timeout", `${what} took longer than ${timeoutMs} ms; what it did is discarded`));
      }, timeoutMs);
      this.#interrupt = (reason) => {
        settle();
        reject(reason);
      };
      work.then(
        (value) => {
          settle();
          resolve(value);
        },
        (cause: unknown) => {
          if (this.#over) {
            logger.debug({ err: cause, rootId }, `${what} failed after it had been given up`);
            return;
          }
          settle();
          reject(cause);
        },
      );
    });
  }

  /** Ends the cycle from outside. What it waits for is given up; the caller still has to roll it back. */
  cancel(reason: Error): void {
    if (this.#over) return;
    this.#over = true;
    this.#cancelled = reason;
    this.#controller?.abort(reason);
    this.#interrupt?.(reason);
  }

  /** Makes the changes final and runs what waited for that. The stores of {@link removed} are the caller's to terminate. */
  commit(): void {
    this.#over = true;
    for (const effect of this.#effects) effect();
  }

  /** Puts everything back. The stores of {@link mounted} are the caller's to terminate. */
  rollback(cause: unknown): void {
    this.#over = true;
    this.#controller?.abort(cause);
    for (const [instance, state] of this.#before) instance.state = state;
    for (const undo of this.#undo) undo();
  }
}
