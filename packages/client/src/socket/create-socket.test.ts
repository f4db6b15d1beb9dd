import { eventually } from "@musubi/testing";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { clock, create, logger, nextDelay, numbered, open, server, standing, turn } from "./socket-setup.test.util.js";

describe("createSocket: reconnects", () => {
  test("full jitter: a delay is a random part of a bound that doubles up to a cap", async () => {
    const parts = [0, 0.5, 0.999, 0.5, 0.5];
    let drawn = 0;
    const socket = await open({
      random: () => parts[drawn++] ?? 0.5,
      reconnectBackoff: { baseMs: 100, capMs: 1_000 },
    });
    server.isAccepting = false;
    server.close(1006);
    const delays = [];
    for (let attempt = 0; attempt < 6; attempt++) delays.push(await nextDelay(socket));
    expect(delays).toEqual([0, 100, 399, 400, 500, 500]);
  });

  test("the count starts anew only after an open that lasted 10 s", async () => {
    const socket = await open({ reconnectBackoff: { baseMs: 100, capMs: 10_000 } });
    const isOpenAgain = () => eventually(() => standing(socket) === "open");
    const drop = async (afterMs: number) => {
      clock.advance(afterMs);
      server.close(1006);
      const delayMs = await nextDelay(socket);
      await isOpenAgain();
      return delayMs;
    };
    expect([await drop(0), await drop(5_000), await drop(9_999), await drop(10_000), await drop(0)]).toEqual([
      50, 100, 200, 50, 100,
    ]);
  });

  test("every close but a final one is reconnected, 1000 included", async () => {
    const socket = await open();
    for (const code of [1000, 1001, 1006, 1011, 1012, 3000, 4000, 4399, 4408, 4425, 4429, 4500]) {
      server.close(code);
      await nextDelay(socket);
      await eventually(() => standing(socket) === "open", `open after ${code}`);
    }
  });

  test("a transport that cannot be made or does not open in time is a failed attempt", async () => {
    let makes = 0;
    class Failing extends server.transport {
      constructor(url: string) {
        super(url);
        makes++;
        if (makes === 1) throw new Error("no such address");
        // Never heard of: a handshake that hangs.
        if (makes === 2) Object.defineProperty(this, "onopen", { get: () => () => {}, set: () => {} });
      }
    }
    const socket = create({ transport: Failing, openTimeoutMs: 7_000 });
    socket.connect();
    expect(socket.statusDetail.current).toMatchObject({ transport: "waiting", reason: { kind: "transport_failed" } });
    expect(logger.error).toHaveBeenCalledTimes(1);
    clock.advance(250);
    await eventually(() => makes === 2);
    clock.advance(7_000);
    expect(socket.statusDetail.current).toMatchObject({ transport: "waiting", reason: { kind: "open_timeout" } });
    clock.advance(500);
    await eventually(() => standing(socket) === "open");
  });

  test("statusDetail tells how it stands, since when, why, and when it tries again", async () => {
    const socket = create();
    const seen: unknown[] = [];
    socket.statusDetail.subscribe(() => seen.push(socket.statusDetail.current));
    const startedAt = clock.now();
    expect(socket.statusDetail.current).toEqual({
      transport: "idle",
      nextRetryAt: null,
      reason: null,
      since: startedAt,
    });
    clock.advance(5);
    socket.connect();
    await eventually(() => standing(socket) === "open");
    clock.advance(100);
    server.close(1012);
    await eventually(() => standing(socket) === "waiting");
    clock.advance(250);
    await eventually(() => standing(socket) === "open");
    socket.disconnect();
    const reason = { kind: "closed", closeCode: 1012, text: "" };
    expect(seen).toEqual([
      { transport: "connecting", nextRetryAt: null, reason: null, since: startedAt + 5 },
      { transport: "open", nextRetryAt: null, reason: null, since: startedAt + 5 },
      { transport: "waiting", nextRetryAt: startedAt + 355, reason, since: startedAt + 105 },
      { transport: "connecting", nextRetryAt: null, reason, since: startedAt + 355 },
      { transport: "open", nextRetryAt: null, reason: null, since: startedAt + 355 },
      { transport: "idle", nextRetryAt: null, reason: { kind: "disconnected" }, since: startedAt + 355 },
    ]);
  });

  test("disconnect ends it in every state, and connect begins again", async () => {
    const socket = await open();
    server.isAccepting = false;
    server.close(1006);
    await eventually(() => standing(socket) === "waiting");
    await new Promise<void>((resolve) => socket.disconnect(resolve));
    expect([standing(socket), clock.pending]).toEqual(["idle", 0]);
    server.isAccepting = true;
    socket.connect();
    socket.connect();
    await eventually(() => standing(socket) === "open");
    expect(server.urls.length).toBe(2);
    socket.disconnect();
    await eventually(() => server.connections === 0);
    clock.advance(60_000);
    await turn();
    expect([standing(socket), server.urls.length]).toEqual(["idle", 2]);
  });
});

describe("createSocket: close codes that mean do not come back", () => {
  test.each([4400, 4401, 4403, 4409, 4499])("%i: no reconnect, told as state, until the app connects", async (code) => {
    const socket = await open();
    server.close(code);
    await eventually(() => standing(socket) === "stopped");
    expect(socket.statusDetail.current).toMatchObject({
      nextRetryAt: null,
      reason: { kind: "closed", closeCode: code },
    });
    expect(clock.pending).toBe(0);
    clock.advance(600_000);
    await turn();
    expect(server.urls.length).toBe(1);
    socket.connect();
    await eventually(() => standing(socket) === "open");
  });

  test("the app can say which; one of its own that throws says nothing", async () => {
    const isFinalClose = vi.fn((code: number) => {
      if (code === 4999) throw new Error("broken");
      return code === 1001;
    });
    const socket = await open({ isFinalClose });
    server.close(4403);
    await nextDelay(socket);
    await eventually(() => standing(socket) === "open");
    server.close(4999);
    await nextDelay(socket);
    await eventually(() => standing(socket) === "open");
    expect(logger.error).toHaveBeenCalledTimes(1);
    server.close(1001);
    await eventually(() => standing(socket) === "stopped");
  });
});

describe("createSocket: rejoins", () => {
  /** The delays that phoenix.js is given for its rejoin timer, which runs on the platform's clock. */
  const rejoinDelays = async (lastsMs: readonly number[]) => {
    const delays: number[] = [];
    const socket = await open({
      rejoinBackoff: { baseMs: 8, capMs: 1_000 },
      random: () => 0.25,
    });
    const setTimer = vi.spyOn(globalThis, "setTimeout");
    try {
      socket.channel("room").join();
      for (const [index, ms] of lastsMs.entries()) {
        const { length } = server.joinTokens("room");
        await eventually(() => server.joinTokens("room").length === index + 1 || length > index);
        await turn();
        clock.advance(ms);
        setTimer.mockClear();
        server.send(JSON.stringify([null, null, "room", "phx_error", {}]));
        await eventually(() => server.joinTokens("room").length === index + 2);
        delays.push(Number(setTimer.mock.calls.find(([, delay]) => delay !== 0 && delay !== 10_000)?.[1]));
      }
    } finally {
      setTimer.mockRestore();
    }
    return delays;
  };

  test("full jitter, and the count starts anew only after a join that lasted 10 s", async () => {
    expect(await rejoinDelays([0, 5_000, 9_999, 10_000, 0])).toEqual([2, 4, 8, 2, 4]);
  });

  test("an outage after a short join does not make it a lasting one", async () => {
    const socket = await open({ rejoinBackoff: { baseMs: 8 } });
    const channel = socket.channel("room");
    const { rejoinTimer } = channel as unknown as { rejoinTimer: { timerCalc(tries: number): number } };
    let joins = 0;
    channel.join().receive("ok", () => joins++);
    await eventually(() => joins === 1);
    expect(rejoinTimer.timerCalc(1)).toBe(4);
    server.close(1006);
    await nextDelay(socket);
    await eventually(() => joins === 2);
    server.isAccepting = false;
    server.close(1006);
    await eventually(() => standing(socket) === "waiting");
    clock.advance(60_000);
    expect(rejoinTimer.timerCalc(1)).toBe(8);
  });

  test("each channel counts for itself", async () => {
    const socket = await open({ rejoinBackoff: { baseMs: 2 } });
    server.answer = ({ topic }) => (topic === "bad" ? "error" : "ok");
    const bad = socket.channel("bad");
    const good = socket.channel("good") as unknown as { rejoinTimer: { timerCalc(tries: number): number } };
    bad.join();
    await eventually(() => server.joinTokens("bad").length === 4);
    expect(good.rejoinTimer.timerCalc(1)).toBe(1);
    bad.leave();
  });
});

describe("createSocket: the probe", () => {
  const jump = () => {
    clock.sleep(60_000);
    clock.advance(5_000);
  };
  const heartbeats = () => server.count("heartbeat");

  test("a clock that jumped: a heartbeat; its answer keeps the connection", async () => {
    const socket = await open();
    clock.advance(30_000);
    expect(heartbeats()).toBe(0);
    jump();
    await eventually(() => heartbeats() === 1);
    await turn();
    clock.advance(3_000);
    await turn();
    expect([standing(socket), server.urls.length, heartbeats()]).toEqual(["open", 1, 1]);
  });

  test("no answer in 3 s: a new connection with a fresh token, and channels rejoin", async () => {
    const socket = create({ token: numbered() });
    socket.connect();
    let joins = 0;
    socket
      .channel("room")
      .join()
      .receive("ok", () => joins++);
    await eventually(() => joins === 1);
    server.answer = ({ event }) => (event === "heartbeat" ? null : "ok");
    jump();
    await eventually(() => heartbeats() === 1);
    clock.advance(2_999);
    await turn();
    expect(server.urls.length).toBe(1);
    clock.advance(1);
    await eventually(() => joins === 2);
    expect([server.urlTokens, server.joinTokens("room")]).toEqual([
      ["t1", "t3"],
      ["t2", "t4"],
    ]);
    await eventually(() => server.connections === 1);
  });

  test("only when connected: a jump while it waits tries at once, without a heartbeat", async () => {
    const socket = await open();
    server.close(1006);
    await eventually(() => standing(socket) === "waiting");
    jump();
    await eventually(() => standing(socket) === "open");
    expect(heartbeats()).toBe(0);
    socket.disconnect();
    jump();
    expect(clock.pending).toBe(0);
  });

  describe("by phoenix.js's own heartbeat, which gets no answer", () => {
    // It runs on the platform's timers, which stand still here: nothing depends on how long a test takes.
    beforeEach(() => {
      vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
      server.answer = () => null;
    });
    afterEach(() => {
      vi.useRealTimers();
    });

    test("a loss like any other", async () => {
      const socket = create({ heartbeatIntervalMs: 30_000 });
      socket.connect();
      await vi.advanceTimersByTimeAsync(59_999);
      expect([standing(socket), heartbeats()]).toEqual(["open", 1]);
      await vi.advanceTimersByTimeAsync(1);
      expect(standing(socket)).toBe("waiting");
      clock.advance(250);
      await vi.advanceTimersByTimeAsync(0);
      expect([standing(socket), server.urls.length]).toEqual(["open", 2]);
    });

    test("a transport that never says it closed is lost once phoenix.js gives it up", async () => {
      let makes = 0;
      class NeverClosing extends server.transport {
        readonly #isDead = makes++ === 0;
        override close(code?: number): void {
          if (this.#isDead) Object.defineProperty(this, "readyState", { value: 2 });
          else super.close(code);
        }
      }
      const socket = create({ heartbeatIntervalMs: 30_000, transport: NeverClosing });
      socket.connect();
      await vi.advanceTimersByTimeAsync(60_000);
      expect(standing(socket)).toBe("open");
      // phoenix.js looks for its end for 1.5 s.
      await vi.advanceTimersByTimeAsync(1_500);
      expect(socket.statusDetail.current).toMatchObject({ transport: "waiting", reason: { kind: "lost" } });
      clock.advance(250);
      await vi.advanceTimersByTimeAsync(0);
      expect([standing(socket), makes]).toEqual(["open", 2]);
    });
  });
});

describe("createSocket: decode", () => {
  test.each(["not json", "", "{}", "null", "7", "[1,2]", '[null,null,"room","x"]', '[null,{},"room","x",{}]'])(
    "%s: dropped, and the next frame is heard",
    async (text) => {
      const socket = await open();
      const channel = socket.channel("room");
      const heard: unknown[] = [];
      channel.on("news", (payload) => {
        heard.push(payload);
      });
      channel.join();
      await eventually(() => server.joinTokens("room").length === 1);
      await turn();
      server.send(text);
      server.send(text);
      server.send(JSON.stringify([null, null, "room", "news", { n: 1 }]));
      await eventually(() => heard.length === 1);
      expect(logger.error).toHaveBeenCalledTimes(1);
    },
  );

  test("reported once per cause", async () => {
    const socket = await open();
    for (const text of ["a", "b", "[1,2]", "[3]", "c"]) server.send(text);
    await turn();
    expect(logger.error).toHaveBeenCalledTimes(2);
    expect(standing(socket)).toBe("open");
  });

  test("an app's callback that throws is reported and stops nothing", async () => {
    const socket = await open();
    const channel = socket.channel("room");
    const heard: unknown[] = [];
    channel.on("news", (payload: { n: number }) => {
      heard.push(payload.n);
      if (payload.n === 1) throw new Error("of the app");
    });
    channel.join();
    await eventually(() => server.joinTokens("room").length === 1);
    await turn();
    server.send(JSON.stringify([null, null, "room", "news", { n: 1 }]));
    server.send(JSON.stringify([null, null, "room", "news", { n: 2 }]));
    await eventually(() => heard.length === 2);
    expect(logger.error).toHaveBeenCalledTimes(1);
  });
});
