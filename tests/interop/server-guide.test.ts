import { spawnSync } from "node:child_process";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import { fileURLToPath } from "node:url";
import { type ConnectOptions, connect, type ExternalUploader, type MusubiConnection } from "@musubi/client";
import { ERROR_CODES } from "@musubi/protocol";
import { consoleLogger, type MusubiServer } from "@musubi/server";
import { eventually } from "@musubi/testing";
import type { Channel, Socket } from "phoenix";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import { WebSocket } from "ws";
import { type AnyProxy, mount, open } from "./support/guide-client.js";
import { compileSnippets, readChapter, readSnippets } from "./support/snippets.js";

// What docs/server.md shows and claims, on the sources, against real clients over real sockets.

const PAGE = "docs/server.md";

interface Guide {
  readonly http: Server;
  readonly musubi: MusubiServer;
}

/** Any port. */
const edit = (code: string): string => code.replace("listen(4000)", "listen(0)");

async function serve(folder: string): Promise<Guide & { readonly url: string }> {
  const guide = (await import(`${folder}server.ts`)) as Guide;
  if (!guide.http.listening) await once(guide.http, "listening");
  return { ...guide, url: `ws://127.0.0.1:${(guide.http.address() as AddressInfo).port}/socket` };
}

test("the first server compiles, and two clients see a ticket closed", async () => {
  const folder = compileSnippets("server-first", readSnippets(PAGE, "Params and schemas"), edit);
  const { url, http, musubi } = await serve(folder);
  const client = (await import(`${folder}client.ts`)) as {
    closeTicket: (socket: Socket, id: string) => Promise<AnyProxy>;
  };
  const [ada, ben] = [open(url, ""), open(url, "")];
  const seen = await mount(await connect<never>(ben), "Ticket", "t1");
  expect(seen.snapshot()).toMatchObject({ title: "The printer is on fire", isOpen: true });
  const own = await client.closeTicket(ada, "t1");
  await expect.poll(() => own.snapshot()).toMatchObject({ isOpen: false });
  await expect.poll(() => seen.snapshot()).toMatchObject({ isOpen: false });
  for (const socket of [ada, ben]) socket.disconnect();
  await musubi.close();
  http.close();
});

describe("the whole guide", () => {
  let folder: string;
  let guide: Guide & { readonly url: string };
  let sockets: Socket[];
  let logged: unknown[];

  beforeAll(async () => {
    folder = compileSnippets("server", readSnippets(PAGE), edit);
    guide = await serve(folder);
  });

  beforeEach(() => {
    sockets = [];
    logged = [];
    vi.spyOn(consoleLogger, "error").mockImplementation((details) => void logged.push(details));
  });

  afterEach(async () => {
    for (const socket of sockets) socket.disconnect();
    vi.restoreAllMocks();
    // The next test counts its own.
    await eventually(() => {
      const left = guide.musubi.inspect();
      return left.sockets === 0 && left.roots.length === 0;
    }, "all have left");
  });

  afterAll(async () => {
    await guide.musubi.close();
    guide.http.close();
  });

  async function client(name: string, options: ConnectOptions = {}): Promise<MusubiConnection<never>> {
    const socket = open(guide.url, name);
    sockets.push(socket);
    return connect<never>(socket, options);
  }

  const failure = (error: unknown) => error as { code: string; reason: string; details: unknown; reply: unknown };

  test("params and payloads are checked, refusals and rejections are the app's own", async () => {
    const ada = await client("ada");
    const ticket = await mount(ada, "Ticket", "t1", { language: "de" });
    expect(ticket.snapshot()).toMatchObject({ title: "The printer is on fire", owner: null, state: "offen" });
    expect(await mount(ada, "Ticket", "t9").catch(failure)).toMatchObject({ reason: "no_such_ticket" });
    expect(await mount(ada, "Ticket", "t2", { language: "fr" }).catch(failure)).toMatchObject({
      reason: "invalid_params",
    });
    expect(await ticket.dispatchCommand("rename", { title: "  " }).catch(failure)).toMatchObject({
      code: "invalid_payload",
      reply: { issues: [{ path: ["title"] }] },
    });
    expect(await ticket.dispatchCommand("rename", { title: " Fire! " })).toEqual({ title: "Fire!" });
    await expect.poll(() => ticket.snapshot().title).toBe("Fire!");
  });

  test("a handler that throws leaves nothing: nobody is told, and no client learns why", async () => {
    const [ada, ben] = [await client("ada"), await client("ben")];
    const [first, second] = [await mount(ada, "Ticket", "t2"), await mount(ben, "Ticket", "t2")];
    const published: unknown[] = [];
    const stop = guide.musubi.pubsub.subscribe("ticket:t2", (message) => published.push(message));
    const failed = await first.dispatchCommand("handOver", { to: "nobody" }).catch(failure);
    expect(failed).toMatchObject({ code: "internal" });
    expect(JSON.stringify(failed)).not.toContain("smtp");
    expect(logged).toMatchObject([{ err: { message: expect.stringContaining("smtp") as string } }]);
    expect([published, first.snapshot().owner, second.snapshot().owner]).toEqual([[], "ben", "ben"]);
    await first.dispatchCommand("handOver", { to: "ada" });
    await expect.poll(() => second.snapshot().owner).toBe("ada");
    expect(published).toHaveLength(1);
    stop();
    await first.dispatchCommand("close");
    await expect.poll(() => second.snapshot().state).toBe("closed");
    expect(await second.dispatchCommand("rename", { title: "x" }).catch(failure)).toMatchObject({
      code: "closed",
      reply: { reason: "closed", advice: "open it first" },
    });
  });

  test("children have state of their own, and change their parent in the same envelope", async () => {
    const { saveTicket } = (await import(`${folder}tickets.ts`)) as { saveTicket: (ticket: object) => Promise<void> };
    for (const id of ["a", "b", "c"]) await saveTicket({ id, title: id, isOpen: true, owner: null });
    const desk = await mount(await client("ada"), "Desk", "main");
    const titles = () => desk.snapshot().cards.map(({ title }) => title);
    expect(titles()).toEqual(expect.arrayContaining(["a", "b", "c"]));
    const card = (title: string) => desk.cards[titles().indexOf(title)] as AnyProxy;
    const rendered = () =>
      guide.musubi.inspect().roots.find(({ rootId }) => rootId === "Desk:main")?.counts.renders ?? 0;
    const before = rendered();
    await card("b").dispatchCommand("expand");
    await expect.poll(() => card("b").snapshot().isExpanded).toBe(true);
    // One row, however many there are.
    expect(rendered() - before).toBe(1);
    const { count } = desk.snapshot();
    let changes = 0;
    const stop = desk.subscribe(() => changes++);
    const b = card("b");
    expect(await card("a").dispatchCommand("close")).toEqual({ closed: "a" });
    await expect.poll(() => desk.snapshot().count).toBe(count - 1);
    expect(titles()).not.toContain("a");
    expect(changes).toBe(1);
    // The parent alone rendered for it; the rows kept what they had.
    expect(rendered() - before).toBe(2);
    expect([card("b") === b, card("b").snapshot().isExpanded]).toEqual([true, true]);
    stop();
    // Each reads, waits and writes; none undoes what another one wrote.
    await Promise.all([b.dispatchCommand("close"), card("c").dispatchCommand("close")]);
    await expect.poll(() => desk.snapshot().count).toBe(count - 3);
  });

  test("lines of a chat reach all who are there, and those who come later; events come once", async () => {
    const [ada, ben] = [await client("ada"), await client("ben")];
    const [first, second] = [await mount(ada, "Chat", "t1"), await mount(ben, "Chat", "t1")];
    const heard: unknown[] = [];
    second.handleEvent("mentioned", (payload) => void heard.push(payload));
    const texts = (chat: AnyProxy) => chat.snapshot().lines.map(({ text }) => text);
    const { id } = await first.dispatchCommand("say", { by: "ada", text: "hello @all" });
    await second.dispatchCommand("say", { by: "ben", text: "hello" });
    for (const chat of [first, second]) await expect.poll(() => texts(chat)).toEqual(["hello @all", "hello"]);
    expect(heard).toEqual([{ by: "ada" }]);
    const third = await mount(await client("cy"), "Chat", "t1");
    expect(texts(third)).toEqual(["hello @all", "hello"]);
    await first.dispatchCommand("retract", { id });
    for (const chat of [first, second, third]) await expect.poll(() => texts(chat)).toEqual(["hello"]);
  });

  test("async values load, fail with the app's reason, and are given up", async () => {
    const ada = await client("ada");
    const customer = await mount(ada, "Customer", "c1");
    await expect
      .poll(() => customer.snapshot())
      .toMatchObject({
        profile: { status: "ok", data: { name: "Ada", plan: "gold" }, error: null },
        orders: { status: "ok", data: [{ id: "o1" }, { id: "o2" }] },
        refund: "none",
      });
    await customer.dispatchCommand("refund", { order: "o1" });
    await expect.poll(() => customer.snapshot().refund).toBe("paid 20");
    await customer.dispatchCommand("refund", { order: "o2" });
    await expect.poll(() => customer.snapshot().refund).toBe("under way");
    await customer.dispatchCommand("giveUp");
    await expect.poll(() => customer.snapshot().refund).toBe("cancelled");
    const unknown = await mount(ada, "Customer", "c9");
    await expect
      .poll(() => unknown.snapshot().profile)
      .toMatchObject({ status: "failed", error: { reason: "no_such_customer" } });
  });

  test("files are consumed, postponed, sent elsewhere, and refused", async () => {
    const sent: unknown[] = [];
    const put: ExternalUploader = async ({ meta }) => void sent.push((meta as { url: string }).url);
    const store = await mount(await client("ada", { uploaders: { put } }), "Attachments", "t1");
    await store.papers.select([new File(["%PDF"], "lunch.pdf"), new File(["%PDF"], "draft.pdf")]);
    await store.papers.start();
    const { rejected } = await store.papers.select(new File(["MZ"], "lunch.exe"));
    expect(rejected.map(({ code }) => code)).toEqual(["not_accepted"]);
    await store.videos.select(new File(["…"], "tour.mp4"), { autoStart: true });
    await store.videos.start();
    expect(sent).toEqual([expect.stringMatching(/^https:\/\/objects\.example\/.+\?signature=[0-9a-f]{64}$/)]);
    await store.dispatchCommand("save");
    await store.dispatchCommand("save");
    await expect
      .poll(() => store.snapshot().saved)
      .toEqual(["lunch.pdf", "draft.pdf waits", "tour.mp4 by put", "draft.pdf waits"]);
    await expect.poll(() => guide.musubi.inspect().uploads.files).toBe(1);
    await store.dispatchCommand("clear");
    await expect.poll(() => guide.musubi.inspect().uploads.files).toBe(0);
  });

  test("nobody without a token, from another page, or with a hook against it", async () => {
    const refusal = (token: string, origin?: string) =>
      new Promise<number | undefined>((resolve) => {
        const query = `vsn=2.0.0&token=${token}`;
        const socket = new WebSocket(`${guide.url}/websocket?${query}`, origin === undefined ? {} : { origin });
        socket.on("unexpected-response", (_request, response) => resolve(response.statusCode));
        socket.on("open", () => {
          socket.close();
          resolve(undefined);
        });
        socket.on("error", () => {});
      });
    expect(await refusal("forged")).toBe(403);
    expect(await refusal("token-of-ada", "https://evil.example")).toBe(403);
    expect(await refusal("token-of-ada", "https://desk.example.com")).toBe(undefined);
    expect(await refusal("token-of-ada")).toBe(undefined);
    const guest = await client("guest");
    expect(await mount(guest, "Desk", "main").catch(failure)).toMatchObject({ reason: "forbidden" });
    const ticket = await mount(guest, "Ticket", "t1");
    expect(await ticket.dispatchCommand("handOver", { to: "guest" }).catch(failure)).toMatchObject({
      code: "forbidden",
      reply: { advice: "sign in as an agent" },
    });
    const { trail } = (await import(`${folder}hooks.ts`)) as { trail: string[] };
    expect(trail.at(-1)).toBe("guest: Ticket handOver error");
  });

  test("a user's sockets are closed by their id, and come back", async () => {
    const dora = await client("dora");
    await mount(dora, "Ticket", "t1");
    const closed = new Promise<number>((resolve) => {
      sockets[0]?.onClose(({ code }: { code: number }) => resolve(code));
    });
    guide.musubi.disconnect("user:dora");
    expect(await closed).toBe(1001);
    await expect.poll(() => dora.status.current).toBe("ready");
  });

  test("what comes from outside reaches those who are there", async () => {
    const { mailCame } = (await import(`${folder}webhook.ts`)) as {
      mailCame: (ticket: object, line: object) => Promise<unknown>;
    };
    const ada = await client("ada");
    const [ticket, chat] = [await mount(ada, "Ticket", "t1"), await mount(ada, "Chat", "t1")];
    const desk = await mount(ada, "Desk", "main");
    const changed = { id: "t1", title: "By mail", isOpen: true, owner: null };
    const line = { id: "m1", by: "gateway", text: "It still burns" };
    await expect(mailCame(changed, line)).resolves.toEqual({ told: 1, expanded: 1 });
    await expect.poll(() => ticket.snapshot().title).toBe("By mail");
    await expect.poll(() => chat.snapshot().lines.at(-1)).toMatchObject(line);
    await expect.poll(() => desk.snapshot().cards.some(({ isExpanded }) => isExpanded)).toBe(true);
  });

  test("a plain channel answers, tells the others, and tells of the end", async () => {
    const join = async (name: string, topic: string): Promise<{ channel: Channel; answer: unknown }> => {
      const socket = open(guide.url, name);
      sockets.push(socket);
      socket.connect();
      const channel = socket.channel(topic);
      return { channel, answer: await answerOf(channel.join()) };
    };
    const [{ channel: ada }, { channel: ben }] = [await join("ada", "typing:t1"), await join("ben", "typing:t1")];
    const heard: unknown[] = [];
    ben.on("typing", (payload) => void heard.push(payload));
    ben.on("stopped", (payload) => void heard.push(payload));
    ada.on("typing", () => void heard.push("its own"));
    expect([await answerOf(ada.push("key", {})), await answerOf(ada.push("key", {}))]).toEqual([
      { times: 1 },
      { times: 2 },
    ]);
    sockets[0]?.disconnect();
    await expect.poll(() => heard).toEqual([{ by: "ada" }, { by: "ada" }, { by: "ada" }]);
    const refused = await join("ada", "typing:closed");
    expect(refused.answer).toEqual({ reason: "closed" });
    refused.channel.leave();
  });

  test("its own tests pass", () => {
    const conditions = JSON.stringify(["@musubi/source", "module", "import", "default"]);
    const resolve = `resolve: { conditions: ${conditions} }`;
    writeFileSync(`${folder}vitest.config.js`, `export default { ${resolve}, ssr: { ${resolve} } };`);
    const command = fileURLToPath(new URL("../../node_modules/vitest/vitest.mjs", import.meta.url));
    const { stdout } = spawnSync(process.execPath, [command, "run", "--root", folder, "--reporter", "json"], {
      encoding: "utf8",
    });
    const { numPassedTests, numFailedTests } = JSON.parse(stdout) as Record<string, number>;
    expect({ numPassedTests, numFailedTests }, stdout).toEqual({ numPassedTests: 4, numFailedTests: 0 });
  });

  test("every code that it explains is one that there is", () => {
    const rows = Array.from(readChapter(PAGE, "Errors").matchAll(/^\| (`\w+`(?:, `\w+`)*)/gm), ([, row]) => row ?? "");
    const codes = rows.flatMap((row) => Array.from(row.matchAll(/\w+/g), ([code]) => code));
    expect(codes.length).toBeGreaterThan(12);
    expect(codes.filter((code) => !(code in ERROR_CODES))).toEqual([]);
  });

  // The last one: it ends the server.
  test("a stop sends clients elsewhere and leaves nothing", async () => {
    const before = process.listeners("SIGTERM");
    await import(`${folder}main.ts`);
    const [onSignal] = process.listeners("SIGTERM").filter((listener) => !before.includes(listener));
    if (onSignal === undefined) throw new Error("main.ts does not listen to the signal");
    process.off("SIGTERM", onSignal);
    await mount(await client("ada"), "Ticket", "t1");
    const closed = new Promise<number>((resolve) => {
      sockets[0]?.onClose(({ code }: { code: number }) => {
        resolve(code);
        sockets[0]?.disconnect();
      });
    });
    onSignal("SIGTERM");
    expect(await closed).toBe(1012);
    await expect.poll(() => guide.http.listening).toBe(false);
    expect(guide.musubi.inspect()).toMatchObject({ sockets: 0, roots: [] });
  });
});

describe("Fastify", () => {
  test("serves stores beside its routes, and its close ends both", async () => {
    const folder = compileSnippets("server-fastify", readSnippets(PAGE), edit);
    const { start } = (await import(`${folder}fastify.ts`)) as {
      start: (port: number) => Promise<{ server: Server; close(): Promise<void> }>;
    };
    const app = await start(0);
    const { port } = app.server.address() as AddressInfo;
    const socket = open(`ws://127.0.0.1:${port}/live`, "ada");
    const connection = await connect<never>(socket);
    expect((await mount(connection, "Ticket", "t1")).snapshot().title).toBe("The printer is on fire");
    expect(await (await fetch(`http://127.0.0.1:${port}/healthz`)).json()).toEqual({ sockets: 1 });
    socket.disconnect();
    await app.close();
    const { http } = (await import(`${folder}server.ts`)) as Guide;
    http.close();
  });
});

/** The response of a push or a join, or what it was refused with. */
function answerOf(push: ReturnType<Channel["push"]>): Promise<unknown> {
  return new Promise((resolve, reject) => {
    push
      .receive("ok", resolve)
      .receive("error", resolve)
      .receive("timeout", () => reject(new Error("timeout")));
  });
}
