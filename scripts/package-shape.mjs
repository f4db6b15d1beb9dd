// Packs every public package as it would be published and judges the tarballs: publint and attw on exports and
// types, no tests and no stale build output inside, and each entry imported by plain Node from the built files.
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { join, relative } from "node:path";
import { filesUnder } from "./stamp.mjs";
import { pnpm, root, run } from "./workspace.mjs";

/** @typedef {import("./stage-runner.mjs").Outcome} Outcome */

const tarballs = join(root, "artifacts/packages");

/** The packages that are published: those not marked private. */
function publicPackages() {
  return readdirSync(join(root, "packages"))
    .sort()
    .map((folder) => join(root, "packages", folder))
    .filter((path) => existsSync(join(path, "package.json")))
    .map((path) => ({ path, manifest: JSON.parse(readFileSync(join(path, "package.json"), "utf8")) }))
    .filter(({ manifest }) => manifest.private !== true);
}

/** @returns {Promise<Outcome>} */
export async function packagesOutcome() {
  const built = await run("tsc", ["-b"]);
  if (built.code !== 0) return { status: "failed", note: "the packages do not build" };
  rmSync(tarballs, { recursive: true, force: true });
  mkdirSync(tarballs, { recursive: true });
  const packages = publicPackages();
  const faults = [];
  for (const { path, manifest } of packages) {
    const found = [...staleOutput(path), ...(await judge(path, manifest))];
    for (const fault of found) console.error(`${manifest.name}: ${fault}`);
    console.log(`  ${manifest.name}: ${found.length === 0 ? "good" : `${found.length} faults`}`);
    faults.push(...found);
  }
  if (faults.length > 0) return { status: "failed", note: faults[0]?.split("\n")[0] ?? "" };
  return { status: "passed", note: `${packages.length} packages` };
}

/**
 * @param {string} path
 * @param {{ name: string, exports: Record<string, unknown> }} manifest
 */
async function judge(path, manifest) {
  const file = join(tarballs, `${manifest.name.replace("@", "").replace("/", "-")}.tgz`);
  const packed = await pnpm(["pack", "--out", file], { cwd: path, capture: true });
  if (packed.code !== 0) return [`could not be packed: ${packed.output}`];
  const checks = [
    run("publint", ["run", file, "--strict"], { capture: true }),
    run("attw", [file, "--profile", "esm-only", "--no-emoji", "--no-color"], { capture: true }),
    ...entries(manifest).map((entry) =>
      run(process.execPath, ["--input-type=module", "-e", `await import(${JSON.stringify(entry)})`], {
        cwd: path,
        capture: true,
      }),
    ),
  ];
  const contents = await run("tar", ["-tzf", file], { capture: true });
  const tests = contents.output.split("\n").filter((name) => /\.test(-d)?\.|tsbuildinfo/.test(name));
  const faults = (await Promise.all(checks)).filter(({ code }) => code !== 0).map(({ output }) => output.trim());
  return tests.length > 0 ? [...faults, `packs what it should not: ${tests.join(", ")}`] : faults;
}

/** What a user writes behind `import` to reach each entry with code in it. */
function entries(/** @type {{ name: string, exports: Record<string, unknown> }} */ { name, exports }) {
  return Object.keys(exports)
    .filter((entry) => !entry.endsWith(".json"))
    .map((entry) => name + entry.slice(1));
}

/** Build output whose source is gone: `tsc -b` leaves it lying, and it would be packed. */
function staleOutput(/** @type {string} */ path) {
  const dist = join(path, "dist");
  return filesUnder(dist, (name) => name.endsWith(".js"))
    .map((file) => relative(dist, file).slice(0, -".js".length))
    .filter((stem) => ![".ts", ".tsx"].some((ending) => existsSync(join(path, "src", stem + ending))))
    .map((stem) => `dist/${stem}.js has no source any more: remove dist and build again`);
}
