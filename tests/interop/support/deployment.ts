import { mkdtempSync, readdirSync, readFileSync, renameSync, rmSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Redis } from "iovalkey";
import { transformWithOxc } from "vite";
import { freePort } from "./free-port.js";
import { Nginx, writeFiles } from "./nginx.js";
import { RedisServer } from "./redis-server.js";
import { selfSigned } from "./self-signed.js";
import { buildServer, ServerProcess } from "./server-process.js";
import { compileSnippets, readSnippets } from "./snippets.js";

export const PAGE = "docs/deploy.md";

/** The guide's files that a server is made of. */
const GUIDE = /^(?:stores|channels)\/|^(?:hooks|users)\.ts$/;

/**
 * The guide's database, as one that processes share: a file for each ticket.
 */
const TICKETS = `
import { mkdir, readdir, readFile, rename, writeFile } from "node:fs/promises";

export interface TicketData {
  readonly id: string;
  readonly title: string;
  readonly isOpen: boolean;
  readonly owner: string | null;
}

const folder = process.env["TICKETS"] ?? "";
await mkdir(folder, { recursive: true });

export async function findTicket(id: string): Promise<TicketData | undefined> {
  const name = \`\${folder}/\${id}.json\`;
  const text = await readFile(name, "utf8").catch(() => undefined);
  return text === undefined ? undefined : (JSON.parse(text) as TicketData);
}

export async function openTickets(): Promise<readonly TicketData[]> {
  const names = (await readdir(folder)).filter((name) => name.endsWith(".json"));
  const all = await Promise.all(names.map((name) => findTicket(name.slice(0, -5))));
  return all.filter((ticket) => ticket?.isOpen === true) as TicketData[];
}

export async function saveTicket(ticket: TicketData): Promise<void> {
  const name = \`\${folder}/\${ticket.id}.json\`;
  const written = \`\${name}.\${process.pid}.\${Math.random()}\`;
  await writeFile(written, JSON.stringify(ticket));
  await rename(written, name);
}
`;

export interface Ports {
  readonly tls: number;
  readonly plain: number;
  readonly valkey: number;
  /** Stands for systemctl and for the operators' ports. */
  readonly control: number;
  readonly app: Readonly<Record<1 | 2, number>>;
}

/** What of the page's files cannot be as it is on a machine that has other things to do: here, and nowhere else. */
function adapt(files: ReadonlyMap<string, string>, folder: string, ports: Ports): Map<string, string> {
  const changes: Readonly<Record<string, readonly (readonly [from: string, to: string])[]>> = {
    "conf.d/desk.conf": [
      ["listen 443 ssl;", `listen 127.0.0.1:${ports.tls} ssl;`],
      ["listen 80;", `listen 127.0.0.1:${ports.plain};`],
      ["127.0.0.1:4001", `127.0.0.1:${ports.app[1]}`],
      ["127.0.0.1:4002", `127.0.0.1:${ports.app[2]}`],
      ["/var/log/nginx/", `${folder}/`],
    ],
    "desk@.service": [
      ["/usr/bin/node", process.execPath],
      [" PORT=400%i OPERATIONS_PORT=410%i", ""],
    ],
    "desk.env": [
      ["@127.0.0.1:6379", `@127.0.0.1:${ports.valkey}`],
      ["/var/lib/desk", folder],
    ],
    "rollout.sh": [["http://127.0.0.1:410$n/", `http://127.0.0.1:${ports.control}/operations/$n/`]],
  };
  const adapted = new Map(files);
  for (const [name, edits] of Object.entries(changes)) {
    let text = files.get(name) ?? "";
    for (const [from, to] of edits) {
      if (!text.includes(from)) throw new Error(`${PAGE}: ${name} has no "${from}" any more.`);
      text = text.replaceAll(from, to);
    }
    adapted.set(name, text);
  }
  return adapted;
}

/** The settings of a unit or of an environment file, comments left out. */
export function settingsIn(text: string): Map<string, string> {
  const lines = text.split("\n").filter((line) => /^\w+=/.test(line));
  return new Map(lines.map((line) => [line.slice(0, line.indexOf("=")), line.slice(line.indexOf("=") + 1)]));
}

/** docs/deploy.md as it stands, running: nginx, two processes and a server of Valkey's kind. */
export class Deployment {
  readonly folder: string = mkdtempSync(join(tmpdir(), "musubi-deployment-"));
  /** The page's files, adapted to this machine. */
  readonly files: ReadonlyMap<string, string>;
  readonly code: string;
  readonly ports: Ports;
  readonly certificate: string;
  readonly redis: RedisServer;
  /** Sees what the server sees. */
  readonly admin: Redis;
  readonly nginx: Nginx;
  /** The latest process of each instance of the unit. */
  readonly processes: Map<number, ServerProcess> = new Map();
  /** Those and their predecessors. */
  readonly allProcesses: ServerProcess[] = [];
  /** What the processes that were stopped have ended with. */
  readonly exitCodes: (number | null)[] = [];
  readonly #operations = new Map<number, number>();
  readonly #ports = new Map<number, number>();
  readonly #control: Server;

  private constructor(
    code: string,
    files: ReadonlyMap<string, string>,
    redis: RedisServer,
    ports: Ports,
    control: Server,
  ) {
    this.code = code;
    this.files = adapt(files, this.folder, ports);
    this.redis = redis;
    this.admin = redis.client();
    this.ports = ports;
    this.#control = control;
    const { key, certificate } = selfSigned("desk.example.com");
    this.certificate = certificate;
    const configuration = Object.fromEntries(
      ["nginx.conf", "conf.d/desk.conf"].map((name) => [name, this.#file(name)]),
    );
    writeFiles(join(this.folder, "nginx"), { ...configuration, "tls/desk.pem": certificate, "tls/desk.key": key });
    this.nginx = new Nginx(join(this.folder, "nginx"));
    control.on("request", (request, response) => {
      this.#answer(request.url ?? "").then(
        (status) => response.writeHead(status).end(),
        () => response.writeHead(500).end(),
      );
    });
  }

  /** `name` is that of a folder for its code, which no other test has. */
  static async start(name: string): Promise<Deployment> {
    buildServer();
    const page = readSnippets(PAGE);
    const guide = [...readSnippets("docs/server.md")].filter(([file]) => GUIDE.test(file));
    const sources = new Map([...guide, ...page, ["tickets.ts", TICKETS]] as [string, string][]);
    const code = compileSnippets(name, sources, (text) => text);
    for (const [file, text] of sources) {
      if (!file.endsWith(".ts")) continue;
      const { code: plain } = await transformWithOxc(text, file);
      const importing = plain.replaceAll(/(from "\.[^"]*)\.ts"/g, '$1.js"');
      writeFiles(join(code, "dist"), { [file.replace(/ts$/, "js")]: importing });
    }
    const redis = await RedisServer.start();
    const control = createServer();
    await new Promise<void>((listening) => control.listen(0, "127.0.0.1", listening));
    const ports: Ports = {
      tls: await freePort(),
      plain: await freePort(),
      valkey: redis.port,
      control: (control.address() as AddressInfo).port,
      app: { 1: await freePort(), 2: await freePort() },
    };
    const deployment = new Deployment(code, page, redis, ports, control);
    try {
      await deployment.#begin();
    } catch (cause) {
      await deployment.stop();
      throw cause;
    }
    return deployment;
  }

  /** With the user and the password that processes have. */
  get valkeyUrl(): string {
    return settingsIn(this.#file("desk.env")).get("VALKEY_URL") ?? "";
  }

  /** Where clients connect. */
  get url(): string {
    return `wss://127.0.0.1:${this.ports.tls}/socket`;
  }

  /** Starts an instance of the unit, and resolves when it takes clients. */
  async run(instance: number, env: Readonly<Record<string, string>> = {}): Promise<ServerProcess> {
    const unit = settingsIn(this.#file("desk@.service"));
    const [node, ...args] = (unit.get("ExecStart") ?? "").split(" ");
    if (node !== process.execPath) throw new Error(`${PAGE}: the unit runs ${node}`);
    const port = this.ports.app[instance as 1 | 2] ?? (await freePort());
    const operations = await freePort();
    this.#operations.set(instance, operations);
    this.#ports.set(instance, port);
    const child = new ServerProcess(
      args.map((arg) => (arg.startsWith("dist/") ? join(this.code, arg) : arg)),
      {
        ...Object.fromEntries(
          (unit.get("Environment") ?? "").split(" ").map((pair) => pair.split("=") as [string, string]),
        ),
        ...Object.fromEntries(settingsIn(this.#file("desk.env"))),
        PORT: String(port),
        OPERATIONS_PORT: String(operations),
        TICKETS: this.tickets,
        // Where the guide's attachments are copied to.
        TMPDIR: this.folder,
        ...env,
      },
    );
    this.processes.set(instance, child);
    this.allProcesses.push(child);
    await child.line((line) => line.includes('"taking clients"'));
    return child;
  }

  /** Where an instance takes clients, without nginx. */
  portOf(instance: number): number | undefined {
    return this.#ports.get(instance);
  }

  /** Stops an instance as systemd does, with the page's timeout, and starts it again. */
  async restart(instance: number): Promise<void> {
    const code = await this.processes.get(instance)?.end("SIGTERM");
    this.exitCodes.push(code ?? null);
    await this.run(instance);
  }

  /** Asks an instance what its operators ask. */
  async operations(instance: number, path: string): Promise<{ readonly status: number; readonly body: string }> {
    const response = await fetch(`http://127.0.0.1:${this.#operations.get(instance)}${path}`);
    return { status: response.status, body: await response.text() };
  }

  /** The folder of the database. */
  get tickets(): string {
    return join(this.folder, "tickets");
  }

  /** Writes to the database, as whoever else works with it. */
  saveTicket(id: string, title: string): object {
    const ticket = { id, title, isOpen: true, owner: null };
    writeFiles(this.tickets, { [`${id}.new`]: JSON.stringify(ticket) });
    // At once, for those who read meanwhile.
    renameSync(join(this.tickets, `${id}.new`), join(this.tickets, `${id}.json`));
    return ticket;
  }

  /** What all processes have logged, in lines of JSON. */
  logs(): readonly Record<string, unknown>[] {
    return this.allProcesses.flatMap(({ lines }) => lines.map((line) => JSON.parse(line) as Record<string, unknown>));
  }

  /** Lines of nginx's access log: method, path, status, and the ports that were asked. */
  requests(): readonly { method: string; path: string; status: number; upstream: string }[] {
    const log = readFileSync(join(this.folder, "desk.log"), "utf8");
    return Array.from(
      log.matchAll(/^\S+ \[\S+\] (\S+) (\S+) (\d+) \d+ \S+ (.*)$/gm),
      ([, method = "", path = "", status, upstream = ""]) => ({ method, path, status: Number(status), upstream }),
    );
  }

  /** Files of uploads that are on their way, or have been left. */
  uploads(): readonly string[] {
    try {
      return readdirSync(join(this.folder, "uploads"), { recursive: true, encoding: "utf8" });
    } catch {
      return [];
    }
  }

  async stop(): Promise<void> {
    for (const child of this.allProcesses) await child.end("SIGKILL");
    await this.nginx.stop();
    this.admin.disconnect();
    await this.redis.stop();
    this.#control.closeAllConnections();
    await new Promise((closed) => this.#control.close(closed));
    rmSync(this.folder, { recursive: true, force: true });
  }

  async #begin(): Promise<void> {
    // From then on nobody else gets in; who is in stays.
    for (const user of this.#file("users.acl").trim().split("\n")) {
      await this.admin.call("ACL", "SETUSER", ...user.split(" ").slice(1));
    }
    await this.run(1);
    await this.run(2);
    await this.nginx.start(this.ports.tls);
  }

  /** For the page's script: systemctl and curl of a machine that has neither. */
  async #answer(url: string): Promise<number> {
    const [, what, first = "", ...rest] = url.split("/");
    if (what === "operations") return (await this.operations(Number(first), `/${rest.join("/")}`)).status;
    if (what !== "systemctl" || first !== "restart") return 404;
    await this.restart(Number(/^desk@(\d)$/.exec(rest[0] ?? "")?.[1]));
    return 200;
  }

  #file(name: string): string {
    const text = this.files.get(name);
    if (text === undefined) throw new Error(`${PAGE} has no ${name}`);
    return text;
  }
}
