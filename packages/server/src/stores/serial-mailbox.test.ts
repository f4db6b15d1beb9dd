import { expect, test } from "vitest";
import { SerialMailbox } from "./serial-mailbox.js";
import { gate, turns } from "./store-client.test.util.js";

test("messages are handled one at a time, in order, and never within put", async () => {
  const seen: string[] = [];
  const first = gate();
  const mailbox = new SerialMailbox<string>(async (message) => {
    seen.push(`start ${message}`);
    if (message === "a") await first.promise;
    seen.push(`end ${message}`);
  }, 10);
  mailbox.put("a");
  mailbox.put("b");
  expect(seen).toEqual([]);
  await turns();
  expect(seen).toEqual(["start a"]);
  first.open();
  await mailbox.idle();
  expect(seen).toEqual(["start a", "end a", "start b", "end b"]);
});

test("only so many wait; the one that is handled is not among them", async () => {
  const open = gate();
  const mailbox = new SerialMailbox<number>(() => open.promise, 2);
  mailbox.put(0);
  await turns();
  expect([mailbox.put(1), mailbox.put(2), mailbox.put(3)]).toEqual([true, true, false]);
  expect(mailbox.size).toBe(2);
  open.open();
  await mailbox.idle();
  expect(mailbox.put(4)).toBe(true);
});

test("closing hands back what waits and takes nothing more", async () => {
  const open = gate();
  const mailbox = new SerialMailbox<number>(() => open.promise, 10);
  mailbox.put(0);
  await turns();
  mailbox.put(1);
  mailbox.put(2);
  expect(mailbox.close()).toEqual([1, 2]);
  expect(mailbox.put(3)).toBe(false);
  open.open();
  await mailbox.idle();
  expect(mailbox.size).toBe(0);
});

test("order holds over many more messages than are kept in a block", async () => {
  const seen: number[] = [];
  const mailbox = new SerialMailbox<number>(async (message) => void seen.push(message), 10_000);
  for (let message = 0; message < 5_000; message++) mailbox.put(message);
  await mailbox.idle();
  expect(seen).toEqual(Array.from({ length: 5_000 }, (_, at) => at));
});
