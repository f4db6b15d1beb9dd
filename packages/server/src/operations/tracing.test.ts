import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { context, SpanKind, SpanStatusCode, trace } from "@opentelemetry/api";
import { AsyncLocalStorageContextManager } from "@opentelemetry/context-async-hooks";
import {
  BasicTracerProvider,
  InMemorySpanExporter,
  type ReadableSpan,
  SimpleSpanProcessor,
} from "@opentelemetry/sdk-trace-base";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { systemClock } from "../clock.js";
import { consoleLogger } from "../logger.js";
import { command } from "../stores/command.js";
import { defineStore } from "../stores/define-store.js";
import { child, upload } from "../stores/placeholders.js";
import { type StoreClient, StoreServer, turns } from "../stores/store-client.test.util.js";
import { UploadService } from "../uploads/upload-service.js";
import { tracingHooks } from "./tracing.js";

/** What an instrumented driver does. */
const query = async (text: string): Promise<void> => {
  const span = trace.getTracer("driver").startSpan(text);
  await Promise.resolve();
  span.end();
};

const Line = defineStore("Traced.Line", {
  mount: () => ({}),
  render: () => ({}),
  commands: {
    save: command(async () => {
      await query("insert");
      return {};
    }),
  },
});

const Page = defineStore("Traced.Page", {
  mount: async () => {
    await query("select");
    return {};
  },
  uploads: { file: {} },
  render: () => ({ line: child(Line, { id: "line" }), file: upload("file") }),
  commands: {
    fail: command(() => {
      throw new Error("broken");
    }),
    refuse: command((ctx) => ctx.reject("not_now")),
    load: command((ctx) => {
      ctx.startAsync("loaded", () => query("slow"));
    }),
  },
  async: { loaded: () => query("after") },
});

const undos: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const undo of undos.splice(0)) await undo();
});

let client: StoreClient;
let root: string;

async function open(): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), "musubi-tracing-"));
  const uploads = new UploadService({ directory }, systemClock, consoleLogger);
  const server = new StoreServer([Page], { hooks: [tracingHooks], uploads });
  undos.push(
    () => uploads.close(),
    () => rm(directory, { recursive: true }),
  );
  client = await server.connect();
  root = await client.mount("Traced.Page", "7");
}

describe("with a provider", () => {
  const exporter = new InMemorySpanExporter();
  const provider = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] });

  beforeEach(() => {
    exporter.reset();
    context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
    trace.setGlobalTracerProvider(provider);
  });

  afterEach(() => {
    trace.disable();
    context.disable();
  });

  /** Each span by its name, with the name of its parent. */
  function spans(): [string, string | null][] {
    const all = exporter.getFinishedSpans();
    const nameOf = (id: string | undefined): string | null =>
      all.find((span) => span.spanContext().spanId === id)?.name ?? id ?? null;
    return all.map((span) => [span.name, nameOf(span.parentSpanContext?.spanId)]);
  }

  function spanOf(name: string): ReadableSpan {
    const found = exporter.getFinishedSpans().find((span) => span.name === name);
    if (found === undefined) throw new Error(`no span ${name}`);
    return found;
  }

  test("a message is a span of its own, and what it calls are its children", async () => {
    await open();
    await client.command(root, "save", {}, ["line"]);
    expect(spans()).toEqual([
      ["select", "mount Traced.Page"],
      ["mount Traced.Page", null],
      ["insert", "command Traced.Page"],
      ["command Traced.Page", null],
    ]);
    expect(spanOf("command Traced.Page")).toMatchObject({
      kind: SpanKind.SERVER,
      status: { code: SpanStatusCode.UNSET },
      attributes: {
        "musubi.module": "Traced.Page",
        "musubi.name": "save",
        "musubi.root_id": "Traced.Page:7",
        "musubi.store_id": "line",
      },
    });
    expect(spanOf("mount Traced.Page").attributes).not.toHaveProperty("musubi.name");
  });

  test("it is no child of what happens to have asked for it", async () => {
    await open();
    exporter.reset();
    await trace.getTracer("app").startActiveSpan("request", async (span) => {
      await client.command(root, "save", {}, ["line"]);
      span.end();
    });
    expect(spans()).toContainEqual(["command Traced.Page", null]);
    expect(spans()).toContainEqual(["insert", "command Traced.Page"]);
  });

  test("a failure has its code, and an exception unless the app rejected on purpose", async () => {
    await open();
    const outcomes: unknown[] = [];
    for (const name of ["fail", "refuse", "nobody"]) {
      exporter.reset();
      await client.command(root, name).catch(() => {});
      const { status, events, attributes } = spanOf("command Traced.Page");
      outcomes.push([
        status.code,
        attributes["error.type"],
        events.map((event) => event.attributes?.["exception.message"]),
      ]);
    }
    expect(outcomes).toEqual([
      [SpanStatusCode.ERROR, "internal", ["broken"]],
      [SpanStatusCode.ERROR, "not_now", []],
      [SpanStatusCode.ERROR, "unknown_command", []],
    ]);
  });

  test("work in the background is one span, and taking its result another", async () => {
    await open();
    await client.command(root, "load");
    await turns();
    expect(spans().slice(2)).toEqual([
      ["command Traced.Page", null],
      ["slow", "background Traced.Page"],
      ["background Traced.Page", null],
      ["after", "async Traced.Page"],
      ["async Traced.Page", null],
    ]);
    expect(spanOf("background Traced.Page")).toMatchObject({
      kind: SpanKind.INTERNAL,
      attributes: { "musubi.name": "loaded" },
    });
  });

  test("what is asked of uploads is a span", async () => {
    await open();
    await client.push("allow_upload", { root_id: root, store_id: [], name: "file", entries: [] }).catch(() => {});
    await turns();
    expect(
      spans()
        .slice(2)
        .map(([name]) => name),
    ).toEqual(["upload Traced.Page"]);
  });

  test("once the provider has gone there are none", async () => {
    await open();
    trace.disable();
    exporter.reset();
    await client.command(root, "save", {}, ["line"]);
    expect(spans()).toEqual([]);
  });
});

test("without a provider there is no hook to run", () => {
  expect(tracingHooks.around).toBeUndefined();
});
