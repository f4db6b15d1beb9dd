import { expectTypeOf, test } from "vitest";
import { createEndpoint } from "../transport/endpoint.js";
import { type ChannelDefinition, channel, joined, ok, refused } from "./channel.js";

interface Counter {
  readonly count: number;
}

test("a channel's handlers see the state that its join returned", () => {
  channel("room:*", {
    join: (_ctx, payload) => (payload === null ? refused({ reason: "no" }) : joined({ count: 0 })),
    handlers: {
      add(ctx) {
        expectTypeOf(ctx.state).toEqualTypeOf<{ count: number }>();
        ctx.state = { count: ctx.state.count + 1 };
        return ok();
      },
    },
    info: (ctx) => expectTypeOf(ctx.state.count).toBeNumber() as never,
    terminate: (ctx) => void ctx.state.count.toFixed(),
  });
  channel<Counter>("room:*", {
    join: async () => joined({ count: 0 }),
    handlers: { read: (ctx) => ok(ctx.state.count) },
  });
  channel<Counter>("room:*", {
    // @ts-expect-error -- the state is a counter
    join: () => joined({ count: "none" }),
  });
});

test("channels of different states go into one endpoint", () => {
  const one = channel<Counter>("one", { join: () => joined({ count: 1 }) });
  const two = channel<string>("two", { join: () => joined("text"), handlers: { go: (ctx) => ok(ctx.state.length) } });
  expectTypeOf([one, two]).toExtend<ChannelDefinition[]>();
  createEndpoint({ channels: [one, two] });
});

test("a handler answers with ok, error, reply, stop or nothing", () => {
  channel("room:*", {
    join: () => joined(null),
    // @ts-expect-error -- a bare object is no answer
    handlers: { bad: () => ({ status: "ok" }) },
  });
});
