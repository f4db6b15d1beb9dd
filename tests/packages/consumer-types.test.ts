import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { pnpm } from "../../scripts/workspace.mjs";
import { readSnippets } from "../interop/support/snippets.js";

const REPO = resolve(import.meta.dirname, "../..");
const PACKAGES = ["protocol", "client", "react", "server", "testing"];
/** Type tests of the server's stores, run here on all versions. */
const TYPE_TESTS = ["define-store", "definition-order", "messages", "context-of", "hooks"];
const APP = resolve(REPO, "tests/.generated/consumer");
const MODULES = resolve(APP, "node_modules");

interface Manifest {
  readonly name: string;
  readonly dependencies?: Record<string, string>;
  readonly peerDependencies?: Record<string, string>;
}

beforeAll(async () => {
  rmSync(APP, { recursive: true, force: true });
  const projects = PACKAGES.map((name) => resolve(REPO, "packages", name));
  execFileSync(process.execPath, [resolve(REPO, "node_modules/typescript/bin/tsc"), "-b", ...projects]);
  for (const name of PACKAGES) await install(resolve(REPO, "packages", name));
  for (const name of ["react", "node", "phoenix", "ws", "use-sync-external-store"]) link(`@types/${name}`, REPO);
  link("valibot", REPO);
  for (const name of TYPE_TESTS) {
    const code = readFileSync(resolve(REPO, `packages/server/src/stores/${name}.test-d.ts`), "utf8");
    write(`types/${name}.ts`, code.replaceAll(/ from "\.[^"]+"/g, ' from "@musubi/server"'));
  }
  for (const [file, code] of readSnippets("docs/client.md")) write(`client/${file}`, code);
  for (const [file, code] of readSnippets("README.md")) write(`readme/${file}`, code);
}, 120_000);

/** Packs a package as for npm, and unpacks it as npm would; what it depends on is linked beside it. */
async function install(path: string): Promise<void> {
  const manifest = JSON.parse(readFileSync(resolve(path, "package.json"), "utf8")) as Manifest;
  const tarball = resolve(APP, `${manifest.name.replaceAll(/\W/g, "-")}.tgz`);
  const target = resolve(MODULES, manifest.name);
  mkdirSync(target, { recursive: true });
  const packed = await pnpm(["pack", "--out", tarball], { cwd: path, capture: true });
  expect(packed.code, packed.output).toBe(0);
  execFileSync("tar", ["-xzf", tarball, "-C", target, "--strip-components=1"]);
  // Sources are packed for go-to-definition; an app's compiler never has to read them.
  rmSync(resolve(target, "src"), { recursive: true });
  const names = Object.keys({ ...manifest.dependencies, ...manifest.peerDependencies });
  for (const name of names) if (!name.startsWith("@musubi/")) link(name, path);
}

function link(name: string, from: string): void {
  const candidates = [
    from,
    ...["tests", "packages/react", "packages/server", "packages/client"].map((each) => resolve(REPO, each)),
  ];
  const source = candidates.map((each) => resolve(each, "node_modules", name)).find((each) => existsSync(each));
  const target = resolve(MODULES, name);
  if (source === undefined || existsSync(target)) return;
  mkdirSync(dirname(target), { recursive: true });
  symlinkSync(source, target);
}

function write(file: string, code: string): void {
  mkdirSync(dirname(resolve(APP, file)), { recursive: true });
  writeFileSync(resolve(APP, file), code);
}

const versions = ["5.9", "6.0", "7.0"];
const resolutions = [
  { module: "nodenext", moduleResolution: "nodenext" },
  { module: "esnext", moduleResolution: "bundler" },
];

describe("an app with the packed packages", () => {
  test("what is packed has types for every entry", () => {
    for (const name of PACKAGES) expect(readdirSync(resolve(MODULES, "@musubi", name))).toContain("dist");
  });

  test.each(versions.flatMap((version) => resolutions.map((options) => ({ version, ...options }))))(
    "compiles with TypeScript $version, $moduleResolution, checking our declarations too",
    ({ version, ...options }) => expect(compile(version, options, ["client", "readme", "types"])).toBe(""),
    120_000,
  );

  test("a wrong payload does not compile, and the message is about that", () => {
    const code = `import { connect } from "@musubi/client";
import type { Socket } from "phoenix";
import type { Stores } from "../client/server.js";

export async function run(socket: Socket) {
  const connection = await connect<Stores>(socket);
  const { store } = await connection.mountStore({ module: "Todo.List", id: "home" });
  await store.dispatchCommand("rename", { title: 7 });
}
`;
    write("wrong/wrong.ts", code);
    const output = compile("7.0", resolutions[0] as object, ["wrong"]);
    expect(output).toMatch(/wrong\.ts\(8,\d+\): error TS2322: Type 'number' is not assignable to type 'string'/);
  });

  describe("that registers a user", () => {
    const users = `import { channel, createEndpoint, createMusubiServer, defineStore, joined } from "@musubi/server";

declare module "@musubi/server" {
  interface Register {
    user: { readonly name: string };
  }
}

export const Hello = defineStore("Hello", {
  mount: (ctx) => ({ name: ctx.user.name }),
  render: ({ name }) => ({ name }),
});
export const lobby = channel("lobby", { join: (ctx) => joined(null, ctx.socket.user.name.length) });
`;
    const wrong = {
      "no hook": "createMusubiServer({ stores: [Hello] });",
      "no hook, of channels alone": "createEndpoint({ channels: [lobby] });",
      "another user": "createMusubiServer({ stores: [Hello], connect: () => ({ user: { id: 7 } }) });",
      "a hook that forgets the user": 'createMusubiServer({ stores: [Hello], connect: async () => ({ id: "1" }) });',
    };

    test.each(versions)(
      "has it checked, TypeScript %s",
      (version) => {
        const right = `createMusubiServer({ stores: [Hello], connect: () => ({ user: { name: "ada" } }) });
createEndpoint({ channels: [lobby], connect: async () => Math.random() > 0.5 && { user: { name: "ada" }, id: null } });
`;
        write("user/right.ts", users + right);
        expect(compile(version, resolutions[0] as object, ["user"])).toBe("");
        const imports = 'import { createEndpoint, createMusubiServer } from "@musubi/server";';
        const lines = [imports, 'import { Hello, lobby } from "../user/right.js";', ...Object.values(wrong), ""];
        write("user-wrong/wrong.ts", lines.join("\n"));
        const output = compile(version, resolutions[0] as object, ["user-wrong"]);
        const found = Array.from(output.matchAll(/wrong\.ts\((\d+),\d+\): error/g), ([, line]) => Number(line));
        expect(found, output).toEqual([3, 4, 5, 6]);
      },
      120_000,
    );
  });
});

/** What the compiler of a version says to a part of the app. */
function compile(version: string, options: object, include: readonly string[]): string {
  const compilerOptions = {
    ...options,
    target: "es2022",
    lib: ["es2023", "dom", "dom.iterable", "esnext.disposable"],
    strict: true,
    exactOptionalPropertyTypes: true,
    noUncheckedIndexedAccess: true,
    skipLibCheck: false,
    noEmit: true,
    jsx: "react-jsx",
    types: ["node"],
  };
  write("package.json", JSON.stringify({ name: "consumer", private: true, type: "module" }));
  write("tsconfig.json", JSON.stringify({ compilerOptions, include }));
  const compiler = resolve(REPO, `tests/node_modules/typescript-${version}/bin/tsc`);
  try {
    return execFileSync(process.execPath, [compiler, "-p", APP], { encoding: "utf8" });
  } catch (error) {
    return (error as { stdout: string }).stdout;
  }
}
