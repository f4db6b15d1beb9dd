import { describe, expect, test, vi } from "vitest";
import { createMovingAddress } from "./moving-address.js";

const logger = { warn: vi.fn(), error: vi.fn() };
let now = 0;
const at = (home: string, isAllowed: (url: string) => boolean = () => true) =>
  createMovingAddress({ home, isAllowed, stableAfterMs: 10_000, clock: { now: () => now }, logger });

describe("where a server may send a createSocket (client.md rule 3, moved)", () => {
  test.each([
    ["ws://a.test/socket", "ws://b.test/socket", "ws://b.test/socket"],
    ["ws://a.test/socket", "wss://b.test:444/x/socket/", "wss://b.test:444/x/socket"],
    ["wss://a.test/socket", "https://b.test/socket", "wss://b.test/socket"],
    ["ws://a.test/socket", "http://b.test", "ws://b.test"],
    ["wss://a.test:1/socket", "/other", "wss://a.test:1/other"],
    ["wss://a.test/socket", "//b.test/other", "wss://b.test/other"],
    ["wss://a.test/socket", "wss://user:secret@b.test/s?token=1#x", "wss://b.test/s"],
  ])("from %s to %s: %s", (home, to, expected) => {
    const address = at(home);
    expect([address.move(to), address.next()]).toEqual([true, expected]);
  });

  test.each([
    ["wss://a.test/socket", "ws://a.test/socket"],
    ["https://a.test/socket", "http://a.test/socket"],
    ["ws://a.test/socket", "file:///etc/passwd"],
    ["ws://a.test/socket", "javascript:alert(1)"],
    ["ws://a.test/socket", "ws://"],
    ["ws://a.test/socket", `/${"x".repeat(2_048)}`],
    ["/socket", "/elsewhere"],
  ])("from %s not to %s", (home, to) => {
    const address = at(home);
    expect([address.move(to), address.next()]).toEqual([false, home]);
  });

  test("the app is asked with the whole address; one that throws says no, and is reported", () => {
    const isAllowed = vi.fn((url: string) => {
      if (url.includes("c.test")) throw new Error("broken");
      return url.includes("b.test");
    });
    const address = at("ws://a.test/socket", isAllowed);
    expect(["//b.test/s", "//d.test/s", "//c.test/s"].map((to) => address.move(to))).toEqual([true, false, false]);
    expect(isAllowed.mock.calls).toEqual([["ws://b.test/s"], ["ws://d.test/s"], ["ws://c.test/s"]]);
    expect([address.next(), logger.error.mock.calls.length]).toEqual(["ws://b.test/s", 1]);
  });

  test("it stays while it connects there; after an attempt there that did not open, the next is at home", () => {
    const address = at("ws://a.test/socket");
    address.move("//b.test/s");
    expect(address.next()).toBe("ws://b.test/s");
    address.opened();
    expect(address.next()).toBe("ws://b.test/s");
    expect([address.next(), address.next()]).toEqual(["ws://a.test/socket", "ws://a.test/socket"]);
  });

  test("five moves in a row are followed; a connection that lasted 10 s begins the count anew", () => {
    const address = at("ws://a.test/socket");
    const move = () => {
      const isMoving = address.move("//b.test/s");
      address.opened();
      return isMoving;
    };
    now = 1_000_000;
    expect([1, 2, 3, 4, 5, 6].map(move)).toEqual([true, true, true, true, true, false]);
    now += 9_999;
    expect(move()).toBe(false);
    now += 10_000;
    expect(move()).toBe(true);
  });
});
