import { encodeBinaryPush } from "@musubi/protocol";
import { describe, expect, it } from "vitest";
import {
  type ChannelContext,
  type ChannelDefinition,
  channel,
  type JoinResult,
  joined,
  ok,
  refused,
} from "./channel.js";
import { ChannelRouter } from "./channel-router.js";
import type { PubSub } from "./pubsub.js";
import {
  closeOfOne,
  crashOfOne,
  errorTo,
  type Gate,
  gate,
  okTo,
  room,
  settle,
  TestSocket,
} from "./test-socket.test.util.js";

describe("a join", () => {
  it("that takes its time holds up its own topic's messages and nobody else's", async () => {
    const answer = gate<JoinResult<unknown>>();
    const socket = new TestSocket([
      room({
        join: (ctx) => (ctx.topic === "room:a" ? answer.promise : joined(null)),
        handlers: { ping: () => ok() },
      }),
    ]);
    socket.say("1", "1", "room:a", "phx_join", {});
    socket.say("1", "2", "room:a", "ping", {});
    socket.say("3", "3", "room:b", "phx_join", {});
    expect(socket.take()).toEqual([["3", "3", "room:b", "phx_reply", { status: "ok", response: {} }]]);
    answer.open(joined(null));
    await settle();
    expect(socket.take()).toEqual([okTo("1", "1"), okTo("1", "2")]);
  });

  it("that refuses late hands the messages that waited back: the topic is unmatched, a leave is fine", async () => {
    const answer = gate<JoinResult<unknown>>();
    const socket = new TestSocket([room({ join: () => answer.promise })]);
    socket.say("1", "1", "room:a", "phx_join", {});
    socket.say("1", "2", "room:a", "ping", {});
    socket.say("1", "3", "room:a", "phx_leave", {});
    answer.open(refused({ reason: "full" }));
    await settle();
    expect(socket.take()).toEqual([errorTo("1", "1", "full"), errorTo(null, "2", "unmatched topic"), okTo("1", "3")]);
  });

  it("may push: the client gets it after the answer, and not at all when refused", () => {
    const socket = new TestSocket([
      room({
        join(ctx, payload) {
          ctx.push("hello", {});
          return payload === "no" ? refused({ reason: "no" }) : joined(null);
        },
      }),
    ]);
    socket.say("1", "1", "room:a", "phx_join", "yes");
    socket.say("2", "2", "room:b", "phx_join", "no");
    expect(socket.take()).toEqual([
      okTo("1", "1"),
      ["1", null, "room:a", "hello", {}],
      ["2", "2", "room:b", "phx_reply", { status: "error", response: { reason: "no" } }],
    ]);
  });

  it("that comes again before the first has answered makes the first one's answer void", async () => {
    const answers = [gate<JoinResult<unknown>>(), gate<JoinResult<unknown>>()];
    const ended: unknown[] = [];
    let joins = 0;
    const socket = new TestSocket([
      room({
        join: () => answers[joins++]?.promise ?? joined(null),
        terminate: (ctx, reason) => void ended.push([ctx.state, reason]),
      }),
    ]);
    socket.say("1", "1", "room:a", "phx_join", {});
    socket.say("2", "2", "room:a", "phx_join", {});
    answers[0]?.open(joined("first"));
    await settle();
    expect(socket.take()).toEqual([]);
    // It accepted all the same, so what it set up is torn down.
    expect(ended).toEqual([["first", "duplicate_join"]]);
    answers[1]?.open(joined("second"));
    await settle();
    expect(socket.take()).toEqual([okTo("2", "2"), closeOfOne]);
  });

  it("whose code throws, rejects or returns nonsense is answered 'join crashed', and the cause is only logged", async () => {
    for (const join of [
      () => {
        throw new Error("secret");
      },
      () => Promise.reject(new Error("secret")),
      () => "nonsense" as never,
    ]) {
      const socket = new TestSocket([room({ join })]);
      socket.say("1", "1", "room:a", "phx_join", {});
      await settle();
      expect(socket.take()).toEqual([errorTo("1", "1", "join crashed")]);
      expect(socket.logged).toMatchObject([{ level: "error", details: { topic: "room:a", err: expect.any(Error) } }]);
    }
  });

  it("names of more than 4 096 characters, which a channel would keep, are refused", () => {
    const long = "x".repeat(5_000);
    const socket = new TestSocket([room()]);
    socket.say("1", "1", `room:${long}`, "phx_join", {});
    socket.say(long, "2", "room:a", "phx_join", {});
    socket.say("3", [long], "room:a", "phx_join", {});
    expect(socket.take().map((frame) => (frame as unknown[])[4])).toEqual(
      [1, 2, 3].map(() => ({ status: "error", response: { reason: "too_large" } })),
    );
    expect(socket.session.channelCount).toBe(0);
    socket.say("4", "4", `room:${"x".repeat(4_000)}`, "phx_join", {});
    expect(socket.session.channelCount).toBe(1);
  });

  it("that a PubSub throws upon ends the socket, whether its code answers at once or later", async () => {
    const broken: PubSub = {
      publish: () => {},
      subscribe: () => {
        throw new Error("no broker");
      },
    };
    for (const join of [() => joined(1), async () => joined(1)]) {
      const socket = new TestSocket([room({ join })], {}, broken);
      socket.say("1", "1", "room:a", "phx_join", {});
      await settle();
      expect(socket.closed).toEqual(["failed"]);
      await socket.session.drained();
    }
  });

  it("whose answer cannot be encoded ends the socket (FRAMES.md, Malformed input)", async () => {
    const ended: unknown[] = [];
    const socket = new TestSocket([
      room({ join: () => joined(1, { big: 1n }), terminate: (_ctx, reason) => void ended.push(reason) }),
    ]);
    socket.say("1", "1", "room:a", "phx_join", {});
    expect(socket.closed).toEqual(["failed"]);
    expect(ended).toEqual(["transport_closed"]);
    await socket.session.drained();
  });
});

describe("the limits of a socket", () => {
  it("maxMailbox: pushes beyond it are answered overloaded, a leave still gets through", async () => {
    const free = gate();
    const handlers = { slow: async () => free.promise, ping: () => ok() };
    const socket = new TestSocket([room({ handlers })], { maxMailbox: 2 }).join();
    socket.say("1", "2", "room:a", "slow", {});
    for (const ref of ["3", "4", "5"]) socket.say("1", ref, "room:a", "ping", {});
    socket.say("1", "6", "room:a", "phx_leave", {});
    expect(socket.take()).toEqual([errorTo("1", "5", "overloaded")]);
    free.open();
    await settle();
    expect(socket.take()).toEqual([okTo("1", "3"), okTo("1", "4"), okTo("1", "6"), closeOfOne]);
  });

  it("maxMailbox: leaves beyond the first wait like any push", async () => {
    const free = gate();
    const socket = new TestSocket([room({ handlers: { slow: async () => free.promise } })], { maxMailbox: 2 }).join();
    socket.say("1", "2", "room:a", "slow", {});
    for (let n = 3; n < 10; n++) socket.say("1", `${n}`, "room:a", "phx_leave", {});
    expect(socket.take()).toEqual([5, 6, 7, 8, 9].map((n) => errorTo("1", `${n}`, "overloaded")));
    free.open();
    await settle();
    expect(socket.take()).toEqual([okTo("1", "3"), closeOfOne]);
  });

  it("maxPushesPerSecond: counts leaves of what is not joined, and messages that are too deep", () => {
    const free = gate();
    const slow = room({ handlers: { slow: async () => free.promise } });
    const socket = new TestSocket([slow], { maxPushesPerSecond: 0.2 }).join();
    socket.say("1", "2", "room:a", "slow", {});
    socket.say(null, "3", "room:b", "phx_leave", {});
    socket.say(null, "4", "room:b", "phx_leave", {});
    socket.session.receiveText(`["1","5","room:a","ping",${"[".repeat(300)}${"]".repeat(300)}]`);
    expect(socket.take()).toMatchObject([
      [null, "3", "room:b", "phx_reply", { status: "ok" }],
      [null, "4", "room:b", "phx_reply", { status: "error", response: { reason: "rate_limited" } }],
      errorTo(null, "5", "rate_limited"),
    ]);
    // The first leave of a join always passes, and those of other joins do not count as it.
    for (const [joinRef, ref] of ["9 6", "1 7", "1 8"].map((refs) => refs.split(" "))) {
      socket.say(joinRef, ref, "room:a", "phx_leave", {});
    }
    expect(socket.take()).toEqual([errorTo(null, "6", "rate_limited"), errorTo(null, "8", "rate_limited")]);
  });

  it("maxMailboxBytes: counts what waits on all topics, and frees it again", async () => {
    const free = [gate(), gate()];
    let calls = 0;
    const handlers = { slow: async () => free[calls++]?.promise, ping: () => ok() };
    const socket = new TestSocket([room({ handlers })], { maxMailboxBytes: 1_000 }).join();
    for (const round of [0, 1]) {
      socket.say("1", "2", "room:a", "slow", {});
      socket.say("1", "3", "room:a", "ping", "x".repeat(700));
      socket.say("1", "4", "room:a", "ping", "x".repeat(700));
      expect(socket.take()).toEqual([errorTo("1", "4", "overloaded")]);
      free[round]?.open();
      await settle();
      expect(socket.take()).toEqual([okTo("1", "3")]);
    }
  });

  it("maxMailbox: broadcasts that are intercepted crash the channel rather than get lost", async () => {
    const socket = new TestSocket(
      [room({ handlers: { slow: () => new Promise<never>(() => {}) }, intercept: { news: () => undefined } })],
      { maxMailbox: 2 },
    ).join();
    socket.say("1", "2", "room:a", "slow", {});
    for (let n = 0; n < 3; n++) socket.pubsub.publish("phx:room:a", { event: "news", payload: n, except: null });
    expect(socket.take()).toEqual([crashOfOne]);
    expect(socket.logged).toMatchObject([{ details: { err: { code: "overloaded" } } }]);
  });

  it("maxMailbox: what a channel sends itself crashes it rather than get lost", async () => {
    let told = 0;
    const socket = new TestSocket(
      [
        room({
          handlers: {
            slow: (ctx) => {
              ctx.pubsub.subscribe("own", (message) => ctx.send(message));
              return new Promise<never>(() => {});
            },
          },
          info: () => void (told += 1),
        }),
      ],
      { maxMailbox: 2 },
    ).join();
    socket.say("1", "2", "room:a", "slow", {});
    for (let n = 0; n < 2; n++) socket.pubsub.publish("own", n);
    expect(socket.take()).toEqual([]);
    socket.pubsub.publish("own", 2);
    expect(socket.take()).toEqual([crashOfOne]);
    expect(socket.logged).toMatchObject([{ level: "warn", details: { err: { code: "overloaded" } } }]);
    // From then on nothing is kept.
    socket.pubsub.publish("own", 3);
    await settle();
    expect([told, socket.logged.length]).toEqual([0, 1]);
  });

  it("maxMailboxBytes: what a join pushes before its answer counts, whatever becomes of the join", async () => {
    const answers: Gate<JoinResult<unknown>>[] = [];
    const signals: AbortSignal[] = [];
    const join = (ctx: ChannelContext, size: unknown): Promise<JoinResult<unknown>> => {
      for (let n = 0; n < 4; n++) ctx.push("early", "x".repeat(Number(size)));
      signals.push(ctx.signal);
      const answer = gate<JoinResult<unknown>>();
      answers.push(answer);
      return answer.promise;
    };
    const socket = new TestSocket([room({ join })], { maxMailboxBytes: 1_000 });
    const pushed = (frames: readonly unknown[]): number =>
      frames.filter((frame) => (frame as readonly unknown[])[3] === "early").length;
    // Accepted, refused, replaced and left: each gives free what it held.
    socket.say("1", "1", "room:a", "phx_join", 100);
    answers[0]?.open(joined(null));
    await settle();
    expect(pushed(socket.take())).toBe(4);
    socket.say("2", "2", "room:b", "phx_join", 100);
    answers[1]?.open(refused({}));
    await settle();
    for (let n = 3; n < 6; n++) socket.say(`${n}`, `${n}`, "room:c", "phx_join", 100);
    answers.at(-1)?.open(joined(null));
    await settle();
    expect(pushed(socket.take())).toBe(4);
    expect(socket.logged).toEqual([]);
    socket.say("6", "6", "room:d", "phx_join", 300);
    expect(socket.take()).toMatchObject([["6", "6", "room:d", "phx_reply", { response: { reason: "join crashed" } }]]);
    expect(signals.at(-1)?.aborted).toBe(true);
    expect(socket.logged).toMatchObject([{ level: "warn", details: { err: { code: "overloaded" } } }]);
    // Nothing is left of it.
    socket.say("7", "7", "room:e", "phx_join", 100);
    answers.at(-1)?.open(joined(null));
    await settle();
    expect(pushed(socket.take())).toBe(4);
  });

  it("maxChannels: no more join refs are kept of joins that were replaced before their answer", async () => {
    // As long as nobody waits for it, each ends at once.
    const join = ({ signal }: ChannelContext): Promise<JoinResult<unknown>> =>
      new Promise((resolve) => signal.addEventListener("abort", () => resolve(refused({}))));
    const socket = new TestSocket([room({ join })], { maxChannels: 2 });
    const rejoin = async (from: number, to: number): Promise<readonly unknown[]> => {
      for (let n = from; n <= to; n++) {
        socket.say(`${n}`, `${n}`, "room:a", "phx_join", {});
        await settle();
      }
      return socket.take().map((frame) => (frame as readonly unknown[])[0]);
    };
    expect(await rejoin(1, 5)).toEqual([]);
    expect(await rejoin(6, 6)).toEqual(["1", "2", "3", "4", "5"]);
    expect(await rejoin(7, 10)).toEqual([]);
    expect(await rejoin(11, 11)).toEqual(["6", "7", "8", "9", "10"]);
  });

  it("maxJoinsPerSecond and maxPushesPerSecond: ten seconds' worth at once, then the rate", () => {
    const socket = new TestSocket([room({ handlers: { ping: () => ok() } })], {
      maxJoinsPerSecond: 0.3,
      maxPushesPerSecond: 0.5,
    });
    for (let n = 0; n < 4; n++) socket.say("1", "1", "room:a", "phx_join", {});
    expect(socket.take().at(-1)).toEqual(errorTo(null, "1", "rate_limited"));
    for (let n = 0; n < 6; n++) socket.say(null, `p${n}`, "room:a", "ping", {});
    expect(socket.take().at(-1)).toEqual(errorTo(null, "p5", "rate_limited"));
    socket.now += 2_000;
    socket.say(null, "p6", "room:a", "ping", {});
    socket.say(null, "p7", "room:a", "ping", {});
    expect(socket.take()).toEqual([okTo("1", "p6"), errorTo(null, "p7", "rate_limited")]);
    socket.say("1", "8", "room:a", "phx_leave", {});
    expect(socket.take()[0]).toEqual(okTo("1", "8"));
  });

  it("maxChannels: joins that nobody waits for any more count too while their code runs", async () => {
    const answers: Gate<JoinResult<unknown>>[] = [];
    const join = (): Promise<JoinResult<unknown>> => {
      const answer = gate<JoinResult<unknown>>();
      answers.push(answer);
      return answer.promise;
    };
    const socket = new TestSocket([room({ join })], { maxChannels: 2 });
    for (let n = 1; n <= 5; n++) socket.say(`${n}`, `${n}`, "room:a", "phx_join", {});
    expect(answers).toHaveLength(4);
    expect(socket.take()[0]).toEqual(errorTo("5", "5", "too many channels joined"));
    for (const answer of answers) answer.open(refused({}));
    await settle();
    socket.say("6", "6", "room:a", "phx_join", {});
    expect(answers).toHaveLength(5);
  });

  it("depth: JSON nested deeper than 256 levels is answered too_deep, wherever it stands", () => {
    const socket = new TestSocket([room({ handlers: { ping: () => ok("seen") } })]).join();
    const nest = (levels: number): string => "[".repeat(levels) + "]".repeat(levels);
    socket.session.receiveText(`["1","2","room:a","ping",${nest(256)}]`);
    socket.session.receiveText(`["1","3","room:a","ping",${nest(257)}]`);
    socket.session.receiveText(`["1",${nest(9_000)},"room:a","ping",{}]`);
    socket.session.receiveText(`["1","4",${nest(9_000)},"ping",{}]`);
    expect(socket.take()).toEqual([
      okTo("1", "2", "seen"),
      errorTo(null, "3", "too_deep"),
      errorTo(null, null, "too_deep"),
      [null, "4", null, "phx_reply", { status: "error", response: { reason: "too_deep" } }],
    ]);
  });

  it("a message that is no frame ends the socket, and nothing after it is heard", () => {
    for (const bad of ["nonsense", Uint8Array.of(9)]) {
      const socket = new TestSocket([room({ handlers: { ping: () => ok() } })]).join();
      if (typeof bad === "string") socket.session.receiveText(bad);
      else socket.session.receiveBinary(bad);
      socket.say("1", "2", "room:a", "ping", {});
      socket.session.receiveBinary(encodeBinaryPush("1", "3", "room:a", "ping", new Uint8Array()));
      expect(socket.closed).toEqual(["failed"]);
      expect(socket.take()).toEqual([]);
    }
  });
});

describe("routing", () => {
  it("takes the first definition that matches, exact or by prefix", () => {
    const named = (topic: string, name: string): ChannelDefinition =>
      channel(topic, { join: () => joined(null, name) });
    const socket = new TestSocket([named("room:a", "exact"), named("room:*", "prefix"), named("*", "any")]);
    for (const topic of ["room:a", "room:ab", "hall"]) socket.say("1", "1", topic, "phx_join", {});
    const responses = socket.take().map((frame) => (frame as [0, 0, 0, 0, { response: string }])[4].response);
    expect(responses).toEqual(["exact", "prefix", "any"]);
  });

  it.each(["", "a*b", "**", "*a"])("refuses the topic %j of a definition", (topic) => {
    expect(() => new ChannelRouter([channel(topic, { join: () => joined(null) })])).toThrow(
      expect.objectContaining({ code: "invalid_usage" }),
    );
  });
});
