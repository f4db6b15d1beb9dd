import { type ReactElement, type ReactNode, Suspense, useLayoutEffect } from "react";
import { expect, type Mock, vi } from "vitest";
import { ErrorBoundary } from "./error-boundary.test.util.js";
import type { MusubiRootSuspenseOptions, StoreProxy } from "./index.js";
import { App, type Stores, until } from "./musubi-app.test.util.js";

/** How long what a render asked for is kept once it is there, in milliseconds. */
export const UNCLAIMED_MS = 5_000;

type Options = Omit<MusubiRootSuspenseOptions<"Room", Stores>, "module">;

/** An app with a component that shows a room by `useMusubiRootSuspense`, below boundaries of its own. */
export class SuspendingApp extends App {
  /** Called when a fallback comes on screen. */
  readonly fallback: Mock<() => void> = vi.fn();
  /** What the hook threw, and what it returned. */
  readonly thrown: unknown[] = [];
  readonly stores: StoreProxy<"Room", Stores>[] = [];

  readonly Room = (options: Options): ReactElement => {
    const store = this.#useRoom(options);
    this.stores.push(store);
    return <p>{this.musubi.useMusubiSnapshot(store, (room) => room.title)}</p>;
  };

  readonly Boundaries = ({ children }: { readonly children: ReactNode }): ReactElement => (
    <ErrorBoundary>
      <Suspense fallback={<Fallback onShown={this.fallback} />}>{children}</Suspense>
    </ErrorBoundary>
  );

  get text(): string {
    return document.body.textContent ?? "";
  }

  async shows(expected: string): Promise<void> {
    await until(() => expect(this.text).toBe(expected));
  }

  /** How many mounts and unmounts have come. */
  get wire(): number[] {
    return [this.count("mount"), this.count("unmount")];
  }

  /** Holds back the answers to mounts. */
  holdMounts(): { answer(): void } {
    const held: (() => void)[] = [];
    this.server.intercept("mount", (_message, proceed) => held.push(proceed));
    return {
      answer: () => {
        for (const proceed of held.splice(0)) proceed();
      },
    };
  }

  /** React reports what an error boundary catches; to be forgotten once it has been seen. */
  expectComplaints(): { forget(): void } {
    this.consoleError.mockImplementation(() => {});
    return { forget: () => this.consoleError.mockClear() };
  }

  #useRoom(options: Options): StoreProxy<"Room", Stores> {
    try {
      return this.musubi.useMusubiRootSuspense({ module: "Room", ...options });
    } catch (what) {
      this.thrown.push(what);
      throw what;
    }
  }
}

function Fallback({ onShown }: { readonly onShown: () => void }): string {
  useLayoutEffect(() => onShown(), [onShown]);
  return "waiting";
}
