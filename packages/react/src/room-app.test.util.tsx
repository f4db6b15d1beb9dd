import type { ReactElement } from "react";
import { expect } from "vitest";
import type { MusubiRoot, MusubiRootOptions } from "./index.js";
import { App, type Stores, until } from "./musubi-app.test.util.js";

type Options = Omit<MusubiRootOptions<"Room", Stores>, "module">;

/** An app with a component that shows a room as `useMusubiRoot` has it, and keeps what the hook returned. */
export class RoomApp extends App {
  readonly seen: MusubiRoot<"Room", Stores>[] = [];

  readonly Room = (options: Options): ReactElement => {
    const root = this.musubi.useMusubiRoot({ module: "Room", ...options });
    const title = this.musubi.useMusubiSnapshot(root.store, (snapshot) => snapshot.title);
    this.seen.push(root);
    if (root.status === "error") {
      return (
        <p>
          error {root.error.message} <button onClick={root.retry}>again</button>
          {root.previous === undefined ? null : ` previous ${root.previous.title}`}
        </p>
      );
    }
    if (root.status !== "ready") return <p>{root.status}</p>;
    return (
      <p>
        {title}
        {root.isStale ? " stale" : ""}
        {root.isFetching ? " fetching" : ""}
        {root.revalidationError === undefined ? "" : " failed"}
      </p>
    );
  };

  get text(): string {
    return document.body.textContent ?? "";
  }

  async shows(expected: string): Promise<void> {
    await until(() => expect(this.text).toBe(expected));
  }
}
