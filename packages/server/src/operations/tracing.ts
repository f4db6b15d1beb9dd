import { MusubiError } from "@musubi/protocol";
import { ProxyTracerProvider, type Span, SpanKind, SpanStatusCode, trace } from "@opentelemetry/api";
import { failureOf } from "../stores/failure.js";
import type { RootWork, ServerHooks } from "../stores/hooks.js";

/** What a {@link ProxyTracerProvider} stands for while nobody has registered a provider. */
const NOBODY = new ProxyTracerProvider().getDelegate();

/**
 * A span around each message of a root and each function in the background, active while they run, so that spans of
 * what they call are its children. Without a registered provider there is no such hook: nothing is done or made.
 */
export const tracingHooks: ServerHooks = {
  get around() {
    const provider = trace.getTracerProvider();
    return provider instanceof ProxyTracerProvider && provider.getDelegate() === NOBODY ? undefined : traced;
  },
};

function traced<T>(work: RootWork, run: () => Promise<T>): Promise<T> {
  const options = {
    // Messages are handled one after the other, each for its own sake: none is a child of what woke the mailbox.
    root: true,
    kind: work.kind === "background" ? SpanKind.INTERNAL : SpanKind.SERVER,
    attributes: attributesOf(work),
  };
  return trace
    .getTracer("@musubi/server")
    .startActiveSpan(`${work.kind} ${work.module}`, options, (span) => follow(span, run()));
}

/** Names come from clients before they are known, so they are no part of a span's name. */
function attributesOf({ module, name, rootId, storeId }: RootWork): Record<string, string> {
  return {
    "musubi.module": module,
    "musubi.root_id": rootId,
    "musubi.store_id": storeId.join("/"),
    ...(name === null ? {} : { "musubi.name": name }),
  };
}

async function follow<T>(span: Span, result: Promise<T>): Promise<T> {
  try {
    return await result;
  } catch (cause) {
    const { response, level } = failureOf(cause, cause instanceof MusubiError ? cause : null);
    const type = response["code"] ?? response["reason"];
    if (typeof type === "string") span.setAttribute("error.type", type);
    span.setStatus({ code: SpanStatusCode.ERROR });
    // What the app rejects on purpose is no exception.
    if (level !== null) span.recordException(cause instanceof Error ? cause : String(cause));
    throw cause;
  } finally {
    span.end();
  }
}
