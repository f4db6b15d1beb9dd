import { MusubiCommandError } from "@musubi/client";
import { beforeEach, describe, expect, it } from "vitest";
import type { BoardEdit } from "../shared/edit.js";
import { EditQueue, type SendEdit } from "./edit-queue.js";

const rename = (title: string): BoardEdit => ({ kind: "renameColumn", columnId: "a", title });
const titles = (edits: readonly BoardEdit[]): string[] => edits.map((edit) => ("title" in edit ? edit.title : ""));

const failure = (fate: "rejected" | "not_sent" | "unknown", code: string): MusubiCommandError =>
  new MusubiCommandError("no", {
    kind: fate === "rejected" ? "failed" : "interrupted",
    fate,
    command: "rename",
    storeId: [],
    code,
    ...(fate === "rejected" && { reply: { reason: code } }),
  });

interface Deferred<T> {
  readonly promise: Promise<T>;
  readonly resolve: (value: T) => void;
  readonly reject: (reason: unknown) => void;
}

/** Lets everything that is ready to run do so. */
const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe("EditQueue", () => {
  let sent: { title: string; settle: Deferred<number | null> }[];
  let refused: string[];
  let pauses: (() => void)[];
  let queue: EditQueue;

  const send: SendEdit = (edit) => {
    const answer = withResolvers<number | null>();
    sent.push({ title: titles([edit])[0] ?? "", settle: answer });
    return answer.promise;
  };

  beforeEach(() => {
    sent = [];
    refused = [];
    pauses = [];
    queue = new EditQueue({
      onRefused: (_, reason) => refused.push(reason),
      pause: () => new Promise((resolve) => pauses.push(resolve)),
    });
  });

  it("sends one edit at a time, and keeps it until the board shows its revision", async () => {
    queue.sendWith(send);
    queue.push(rename("one"));
    queue.push(rename("two"));
    await settle();
    expect(sent.map(({ title }) => title)).toEqual(["one"]);
    sent[0]?.settle.resolve(5);
    await settle();
    expect(titles(queue.current)).toEqual(["one", "two"]);
    queue.show(4);
    await settle();
    expect(sent).toHaveLength(1);
    queue.show(5);
    await settle();
    expect(titles(queue.current)).toEqual(["two"]);
    expect(sent.map(({ title }) => title)).toEqual(["one", "two"]);
  });

  it("holds edits while there is no board, and sends them in order when there is one", async () => {
    queue.push(rename("one"));
    queue.push(rename("two"));
    await settle();
    expect(sent).toEqual([]);
    queue.show(9);
    queue.sendWith(send);
    for (const revision of [8, 9]) {
      await settle();
      sent.at(-1)?.settle.resolve(revision);
    }
    await settle();
    expect(sent.map(({ title }) => title)).toEqual(["one", "two"]);
    expect(queue.current).toEqual([]);
  });

  it.each(["unknown", "not_sent"] as const)(
    "sends an edit again whose fate is %s, before any later one",
    async (fate) => {
      queue.sendWith(send);
      queue.push(rename("one"));
      queue.push(rename("two"));
      await settle();
      sent[0]?.settle.reject(failure(fate, "interrupted"));
      await settle();
      expect(sent).toHaveLength(1);
      expect(titles(queue.current)).toEqual(["one", "two"]);
      pauses.shift()?.();
      await settle();
      expect(sent.map(({ title }) => title)).toEqual(["one", "one"]);
      expect(refused).toEqual([]);
    },
  );

  it("drops an edit that the server refused, says why, and goes on", async () => {
    queue.sendWith(send);
    queue.push(rename("one"));
    queue.push(rename("two"));
    await settle();
    sent[0]?.settle.reject(failure("rejected", "column_gone"));
    await settle();
    expect(refused).toEqual(["column_gone"]);
    expect(titles(queue.current)).toEqual(["two"]);
    expect(sent).toHaveLength(2);
  });

  it("drops an edit of something that has gone, without a word", async () => {
    queue.sendWith(send);
    queue.push(rename("one"));
    await settle();
    sent[0]?.settle.resolve(null);
    await settle();
    expect(queue.current).toEqual([]);
    expect(refused).toEqual([]);
  });

  it("tells its subscribers of every change, until they leave", async () => {
    const seen: string[][] = [];
    const leave = queue.subscribe(() => seen.push(titles(queue.current)));
    queue.push(rename("one"));
    leave();
    queue.push(rename("two"));
    expect(seen).toEqual([["one"]]);
  });
});

function withResolvers<T>(): Deferred<T> {
  let resolve!: Deferred<T>["resolve"];
  let reject!: Deferred<T>["reject"];
  const promise = new Promise<T>((onResolve, onReject) => {
    resolve = onResolve;
    reject = onReject;
  });
  return { promise, resolve, reject };
}
