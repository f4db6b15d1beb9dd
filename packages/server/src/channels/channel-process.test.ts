import { describe, expect, it } from "vitest";
import { type ChannelContext, type DeferredReply, joined, ok, stop } from "./channel.js";
import { createPubSub } from "./pubsub.js";
import { closeOfOne, crashOfOne, errorTo, gate, okTo, room, settle, TestSocket } from "./test-socket.test.util.js";

describe("maxMailboxBytes", () => {
  const hold = (): { readonly socket: TestSocket; readonly answers: DeferredReply[] } => {
    const answers: DeferredReply[] = [];
    const handlers = { hold: (ctx: ChannelContext) => void answers.push(ctx.defer()), ping: () => ok() };
    return { socket: new TestSocket([room({ handlers })], { maxMailboxBytes: 1_000 }), answers };
  };
  const large = "x".repeat(600);

  it("counts pushes whose answers are deferred until these are given", () => {
    const { socket, answers } = hold();
    socket.join();
    socket.say("1", "2", "room:a", "hold", large);
    socket.say("1", "3", "room:a", "hold", large);
    socket.say("1", "4", "room:a", "ping", {});
    expect(socket.take()).toEqual([errorTo("1", "3", "overloaded"), okTo("1", "4")]);
    answers[0]?.("ok", {});
    answers[0]?.("ok", {});
    expect(socket.take()).toEqual([okTo("1", "2")]);
    // Once, so that two of this size do not fit even now.
    socket.say("1", "5", "room:a", "hold", large);
    socket.say("1", "6", "room:a", "hold", large);
    expect(socket.take()).toEqual([errorTo("1", "6", "overloaded")]);
    expect(answers).toHaveLength(2);
  });

  it("counts them no longer when their channel has ended, whether or not they are answered then", () => {
    const { socket, answers } = hold();
    for (const round of [0, 1, 2]) {
      socket.join();
      socket.say("1", "2", "room:a", "hold", large);
      socket.say("1", "3", "room:a", "phx_leave", {});
      expect(socket.take()).toEqual([okTo("1", "3"), closeOfOne]);
      if (round === 1) answers[1]?.("ok", {});
    }
    expect(answers).toHaveLength(3);
    socket.join();
    socket.say("1", "2", "room:a", "hold", large);
    socket.say("1", "3", "room:a", "hold", large);
    expect(socket.take()).toEqual([errorTo("1", "3", "overloaded")]);
  });

  it("does not count one that is answered within its handler, nor one whose handler throws", () => {
    const handlers = {
      now: (ctx: ChannelContext) => ctx.defer()("ok", {}),
      hold: (ctx: ChannelContext) => void ctx.defer(),
      fail: (ctx: ChannelContext) => {
        ctx.defer();
        throw new Error("on purpose");
      },
    };
    const socket = new TestSocket([room({ handlers })], { maxMailboxBytes: 1_000 });
    for (let round = 0; round < 5; round++) {
      socket.join();
      socket.say("1", "2", "room:a", "now", large);
      expect(socket.take()).toEqual([okTo("1", "2")]);
      socket.say("1", "3", "room:a", "fail", large);
      expect(socket.take()).toEqual([crashOfOne]);
    }
    // Nor does it make room for more than there is.
    socket.join();
    socket.say("1", "1", "room:a", "now", large);
    socket.take();
    socket.say("1", "2", "room:a", "hold", large);
    socket.say("1", "3", "room:a", "hold", large);
    expect(socket.take()).toEqual([errorTo("1", "3", "overloaded")]);
  });
});

describe("a channel's code", () => {
  it("runs one message at a time, in order, whether it answers at once or later", async () => {
    const first = gate();
    const order: unknown[] = [];
    const socket = new TestSocket([
      room({
        handlers: {
          slow: async () => {
            order.push("slow begins");
            await first.promise;
            order.push("slow ends");
            return ok("slow");
          },
          quick: () => {
            order.push("quick");
            return ok("quick");
          },
        },
      }),
    ]).join();
    socket.say("1", "2", "room:a", "slow", {});
    socket.say("1", "3", "room:a", "quick", {});
    expect(order).toEqual(["slow begins"]);
    first.open();
    await settle();
    expect(order).toEqual(["slow begins", "slow ends", "quick"]);
    expect(socket.take()).toEqual([okTo("1", "2", "slow"), okTo("1", "3", "quick")]);
  });

  it("can take an answer over, give it out of order, and give it once", () => {
    const taken: DeferredReply[] = [];
    const socket = new TestSocket([room({ handlers: { later: (ctx) => void taken.push(ctx.defer()) } })]).join();
    socket.say("1", "2", "room:a", "later", {});
    socket.say("1", "3", "room:a", "later", {});
    taken[1]?.("ok", { n: 2 });
    taken[0]?.("error", { n: 1 });
    taken[0]?.("ok", { n: 9 });
    expect(socket.take()).toEqual([
      okTo("1", "3", { n: 2 }),
      ["1", "2", "room:a", "phx_reply", { status: "error", response: { n: 1 } }],
    ]);
    socket.say("1", "4", "room:a", "later", {});
    socket.say("1", "5", "room:a", "phx_leave", {});
    socket.take();
    taken[2]?.("ok");
    expect(socket.take()).toEqual([]);
  });

  it.each([
    [
      "throws",
      (): never => {
        throw new Error("secret");
      },
    ],
    ["rejects", () => Promise.reject(new Error("secret"))],
    ["returns what is no answer", () => ({ status: "ok" }) as never],
    ["pushes what cannot be encoded", (ctx: ChannelContext) => ctx.push("big", { big: 1n })],
    ["broadcasts what cannot be encoded", (ctx: ChannelContext) => ctx.broadcast("big", { big: 1n })],
    ["answers what cannot be encoded", () => ok({ big: 1n })],
    ["stops as an error", () => stop("error")],
  ])("crashes its channel when it %s; the client learns no cause, the logger does", async (_how, handler) => {
    const ended: unknown[] = [];
    const socket = new TestSocket([
      room({ handlers: { go: handler }, terminate: (_ctx, reason) => void ended.push(reason) }),
    ]).join();
    socket.say("2", "2", "room:b", "phx_join", {});
    socket.take();
    socket.say("1", "3", "room:a", "go", {});
    await settle();
    expect(socket.take()).toEqual([crashOfOne]);
    expect(ended).toEqual([expect.any(Error)]);
    expect(socket.logged).toMatchObject([{ level: "error", details: { err: ended[0], topic: "room:a" } }]);
    expect(socket.session.channelCount).toBe(1);
  });

  it.each(["constructor", "__proto__", "toString", "hasOwnProperty"])("knows no event %j", (event) => {
    const socket = new TestSocket([room({ handlers: { ping: () => ok() } })]).join();
    socket.say("1", "2", "room:a", event, {});
    expect(socket.take()).toEqual([crashOfOne]);
  });

  it.each([["x".repeat(1e6)], [null], [7], [{ deep: ["x".repeat(1e6)] }]])(
    "crashes upon an event that nobody takes, as in Phoenix; that is a warning, of a bounded length",
    (event) => {
      const socket = new TestSocket([room({ handlers: { ping: () => ok() } })]).join();
      socket.say("1", "2", "room:a", event, {});
      expect(socket.take()).toEqual([crashOfOne]);
      expect(socket.logged).toMatchObject([{ level: "warn", details: { err: { code: "unknown_event" } } }]);
      const [{ err, ...details }] = socket.logged.map((line) => line.details) as [{ err: Error }];
      expect(err.message.length + JSON.stringify(details).length).toBeLessThan(500);
      // Another join of the topic works.
      socket.join();
    },
  );

  it("can take every event that has no handler", () => {
    const socket = new TestSocket([
      room({ handlers: { ping: () => ok("ping") }, fallback: (_ctx, event) => ok({ unknown: event }) }),
    ]).join();
    socket.say("1", "2", "room:a", "ping", {});
    socket.say("1", "3", "room:a", "constructor", {});
    socket.say("1", "4", "room:a", null, {});
    socket.say("1", "5", "room:a", ["ping"], {});
    expect(socket.take()).toEqual([
      okTo("1", "2", "ping"),
      okTo("1", "3", { unknown: "constructor" }),
      okTo("1", "4", { unknown: "null" }),
      okTo("1", "5", { unknown: '["ping"]' }),
    ]);
  });

  it.each([
    ["at once", (next: () => void) => next()],
    ["later", async (next: () => void) => next()],
  ])(
    "gets what it sends itself after what it does now, and cannot starve others by it: info that returns %s",
    async (_when, run) => {
      let rounds = 0;
      let answeredBefore = true;
      const socket: TestSocket = new TestSocket([
        room({
          handlers: {
            go(ctx) {
              ctx.send("round");
              return ok();
            },
          },
          info: (ctx) =>
            run(() => {
              rounds += 1;
              answeredBefore &&= socket.sent.length === 1;
              if (rounds < 100_000) ctx.send("round");
            }),
        }),
      ]).join();
      socket.say("1", "2", "room:a", "go", {});
      await settle();
      expect(rounds).toBeGreaterThan(0);
      expect(rounds).toBeLessThan(100_000);
      expect(answeredBefore).toBe(true);
      socket.session.transportClosed();
      await socket.session.drained();
    },
  );

  it("that has ended can still tell others, but its own client hears nothing more", () => {
    let kept: ChannelContext | undefined;
    const pubsub = createPubSub({ debug() {}, info() {}, warn() {}, error() {} });
    const definitions = [
      room({
        join(ctx) {
          kept ??= ctx;
          return joined(null);
        },
        terminate: (ctx) => ctx.broadcast("gone", {}),
      }),
    ];
    const socket = new TestSocket(definitions, {}, pubsub).join();
    const other = new TestSocket(definitions, {}, pubsub).join();
    socket.say("1", "2", "room:a", "phx_leave", {});
    kept?.push("late", {});
    kept?.send("late");
    expect(socket.take()).toEqual([okTo("1", "2"), closeOfOne]);
    expect(other.take()).toEqual([[null, null, "room:a", "gone", {}]]);
  });
});

describe("the end of a channel", () => {
  it.each([
    ["leave", (socket: TestSocket) => socket.say("1", "9", "room:a", "phx_leave", {})],
    ["normal", (socket: TestSocket) => socket.say("1", "9", "room:a", "stop", {})],
    ["duplicate_join", (socket: TestSocket) => socket.say("9", "9", "room:a", "phx_join", {})],
    ["transport_closed", (socket: TestSocket) => socket.session.transportClosed()],
    ["transport_closed", (socket: TestSocket) => socket.session.close("disconnected")],
    ["server_shutdown", (socket: TestSocket) => socket.session.close("shutdown")],
  ])("by %s aborts its signal and runs terminate once, with that reason", (reason, end) => {
    const ended: unknown[] = [];
    const signals: AbortSignal[] = [];
    const socket = new TestSocket([
      room({
        join(ctx) {
          signals.push(ctx.signal);
          return joined(null);
        },
        handlers: { stop: () => stop("normal") },
        terminate: (_ctx, why) => void ended.push(why),
      }),
    ]).join();
    end(socket);
    socket.session.transportClosed();
    expect(ended[0]).toBe(reason);
    expect(ended).toHaveLength(reason === "duplicate_join" ? 2 : 1);
    expect(signals.every((signal) => signal.aborted)).toBe(true);
  });

  it("waits with terminate for the handler that runs, and drained waits for both", async () => {
    const [handled, terminated] = [gate(), gate()];
    const order: string[] = [];
    const socket = new TestSocket([
      room({
        handlers: {
          slow: async () => {
            await handled.promise;
            order.push("handler");
            return ok();
          },
        },
        terminate: async () => {
          order.push("terminate");
          await terminated.promise;
        },
      }),
    ]).join();
    socket.say("1", "2", "room:a", "slow", {});
    socket.session.transportClosed();
    const drained = socket.session.drained().then(() => order.push("drained"));
    handled.open();
    await settle();
    expect(order).toEqual(["handler", "terminate"]);
    terminated.open();
    await drained;
    expect(socket.take()).toEqual([]);
  });

  it("survives a terminate that throws or rejects, and reports it", async () => {
    for (const terminate of [
      () => {
        throw new Error("secret");
      },
      () => Promise.reject(new Error("secret")),
    ]) {
      const socket = new TestSocket([room({ terminate })]).join();
      socket.session.transportClosed();
      await socket.session.drained();
      expect(socket.logged).toMatchObject([{ level: "error", message: "a channel's terminate failed" }]);
    }
  });
});
