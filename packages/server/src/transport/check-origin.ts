import type { IncomingMessage } from "node:http";
import { MusubiError } from "@musubi/protocol";

/**
 * Which pages may connect, judged by the `Origin` that browsers send; other clients send none and always pass.
 *
 * `true`: pages of the host in the request's `Host` header, on any port, as Phoenix does. An attacker who can make a
 * victim's browser resolve his name to this server passes that test: list your origins where that matters.
 * A list: origins such as `https://example.com`, `https://*.example.com` for sub-domains, `//example.com` for any
 * scheme and port. A function decides by itself. `false`: any page.
 */
export type CheckOrigin = boolean | readonly string[] | ((origin: string, request: IncomingMessage) => boolean);

type OriginTest = (origin: URL) => boolean;

/** Prepares a check; throws `invalid_usage` for a list entry that is no origin. */
export function originChecker(check: CheckOrigin): (request: IncomingMessage) => boolean {
  if (check === false) return () => true;
  const tests = typeof check === "object" ? check.map(toTest) : [];
  return (request) => {
    const { origin } = request.headers;
    if (origin === undefined) return true;
    if (typeof check === "function") return check(origin, request);
    const url = parse(origin);
    if (url === undefined) return false;
    if (check === true) return isSameHost(url, request.headers.host);
    return tests.some((test) => test(url));
  };
}

function isSameHost(origin: URL, host: string | undefined): boolean {
  const own = host === undefined ? undefined : parse(`http://${host}`);
  return own !== undefined && own.hostname === origin.hostname;
}

function toTest(entry: string): OriginTest {
  const anyScheme = entry.startsWith("//");
  const wildcard = /^([^*]*\/\/)\*\.([^*]+)$/.exec(entry);
  const plain = wildcard === null ? entry : `${wildcard[1]}${wildcard[2]}`;
  const allowed = parse(anyScheme ? `http:${plain}` : plain);
  if (allowed === undefined || plain.includes("*") || allowed.pathname !== "/") {
    throw new MusubiError(
      "invalid_usage",
      `${JSON.stringify(entry)} is no origin: write "https://host", "https://*.host" or "//host"`,
    );
  }
  return (origin) => {
    const isHost =
      wildcard === null ? origin.hostname === allowed.hostname : origin.hostname.endsWith(`.${allowed.hostname}`);
    return isHost && (anyScheme || (origin.protocol === allowed.protocol && origin.port === allowed.port));
  };
}

function parse(text: string): URL | undefined {
  return URL.canParse(text) ? new URL(text) : undefined;
}
