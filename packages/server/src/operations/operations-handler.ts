import type { IncomingMessage, ServerResponse } from "node:http";
import type { Clock } from "@musubi/protocol";
import { Registry } from "prom-client";
import { systemClock } from "../clock.js";
import type { MusubiServer } from "../create-server.js";
import { limitsOf, OPERATIONS_BOUNDS } from "../limits.js";
import { consoleLogger, type Logger } from "../logger.js";
import { serverMetrics } from "./metrics.js";
import { Readiness, type ReadinessCheck } from "./readiness.js";
import { tracingHooks } from "./tracing.js";

export type { ReadinessCheck };

export interface OperationsOptions {
  /** What else has to be there for this server to take clients, by names that may be seen. */
  readonly checks?: Readonly<Record<string, ReadinessCheck>>;
  /** How long a check may take, in milliseconds. Default 5 000; past it it has failed. */
  readonly checkTimeoutMs?: number;
  /** Where the metrics are registered. Default: one of their own. */
  readonly registry?: Registry;
  /** Hears of checks that fail. */
  readonly logger?: Logger;
  readonly clock?: Clock;
}

/** What is asked of Fastify; its own types would be asked of everybody who has none of it. */
export interface RouteTable {
  route(options: {
    readonly method: ("GET" | "HEAD")[];
    readonly url: string;
    handler(
      request: { readonly raw: IncomingMessage },
      reply: { hijack(): unknown; readonly raw: ServerResponse },
    ): Promise<void>;
  }): unknown;
}

/** The operations of one server, not mounted anywhere yet: they are for whoever runs it, not for its clients. */
export interface Operations {
  /** For `http.createServer` or an app's own router: answers three paths, and 404 for all others. */
  readonly handler: (request: IncomingMessage, response: ServerResponse) => void;
  /** For Fastify: `app.register(operations.plugin, { prefix: "/internal" })`. */
  readonly plugin: (app: RouteTable) => Promise<void>;
  readonly registry: Registry;
  /** Counts and traces no more. The server goes on. */
  readonly close: () => void;
}

interface Answer {
  readonly status: number;
  readonly type: string;
  readonly body: string;
}

const PATHS = ["/healthz", "/readyz", "/metrics"] as const;

/**
 * Counts and traces what a server does from now on, and answers for it:
 *
 * - `/healthz`: 200 while the process answers.
 * - `/readyz`: 200, or 503 once the server closes or while a check fails; says which, never why.
 * - `/metrics`: in Prometheus' text format.
 *
 * Spans go to the provider that is registered with `@opentelemetry/api`; without one they cost nothing.
 */
export function operationsHandler(
  musubi: Pick<MusubiServer, "inspect" | "addHooks">,
  options: OperationsOptions = {},
): Operations {
  const { checks = {}, registry = new Registry() } = options;
  const { checkTimeoutMs } = limitsOf(OPERATIONS_BOUNDS, options);
  const { logger = consoleLogger, clock = systemClock } = options;
  const readiness = new Readiness({ checks, checkTimeoutMs, clock, logger });
  const undos = [tracingHooks, serverMetrics(registry, () => musubi.inspect())].map((hooks) => musubi.addHooks(hooks));

  const answers: Readonly<Record<(typeof PATHS)[number], () => Promise<Answer>>> = {
    "/healthz": async () => json(200, { status: "ok" }),
    "/readyz": async () => {
      const report = await readiness.check();
      const { isClosing } = musubi.inspect();
      const isReady = !isClosing && Object.values(report).every((outcome) => outcome === "ok");
      const status = isClosing ? "closing" : isReady ? "ready" : "not_ready";
      return json(isReady ? 200 : 503, { status, checks: report });
    },
    "/metrics": async () => ({ status: 200, type: registry.contentType, body: await registry.metrics() }),
  };

  const respond = async (path: string, { method }: IncomingMessage, response: ServerResponse): Promise<void> => {
    const found = PATHS.find((each) => each === path);
    let answer: Answer;
    try {
      if (found === undefined) answer = json(404, { status: "not_found" });
      else if (method !== "GET" && method !== "HEAD") answer = json(405, { status: "method_not_allowed" });
      else answer = await answers[found]();
    } catch (cause) {
      logger.error({ err: cause, path }, "operations could not answer");
      answer = json(500, { status: "failed" });
    }
    const { status, type, body } = answer;
    const headers = { "content-type": type, "content-length": Buffer.byteLength(body), "cache-control": "no-store" };
    response.writeHead(status, status === 405 ? { ...headers, allow: "GET, HEAD" } : headers);
    response.end(method === "HEAD" ? undefined : body);
  };

  return {
    registry,
    handler: (request, response) => void respond((request.url ?? "").split("?")[0] ?? "", request, response),
    async plugin(app) {
      for (const url of PATHS) {
        app.route({
          method: ["GET", "HEAD"],
          url,
          async handler(request, reply) {
            reply.hijack();
            await respond(url, request.raw, reply.raw);
          },
        });
      }
    },
    close() {
      for (const undo of undos) undo();
    },
  };
}

function json(status: number, body: object): Answer {
  return { status, type: "application/json; charset=utf-8", body: JSON.stringify(body) };
}
