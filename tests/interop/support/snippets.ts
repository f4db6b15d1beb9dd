import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, resolve } from "node:path";

const REPO = `${resolve(import.meta.dirname, "../../..")}/`;
const GENERATED = `${REPO}tests/.generated/`;

/**
 * The code blocks of a page that name a file after their language, by that name: all files as a reader has them who
 * has come to the chapter `until`, or to the end. Of a file that the page writes twice that is the latest.
 */
export function readSnippets(page: string, until?: string): Map<string, string> {
  const whole = readFileSync(`${REPO}${page}`, "utf8");
  const end = until === undefined ? whole.length : whole.indexOf(`\n## ${until}`);
  if (end < 0) throw new Error(`${page} has no chapter "${until}".`);
  const snippets = new Map<string, string>();
  for (const [, name, code] of whole.slice(0, end).matchAll(/^```[a-z]+ (\S+)\n(.*?)^```$/gms)) {
    snippets.set(name as string, code as string);
  }
  return snippets;
}

/** The text of a chapter of a page, by the beginning of its heading. */
export function readChapter(page: string, heading: string): string {
  const [, chapter] = readFileSync(`${REPO}${page}`, "utf8").split(`\n## ${heading}`);
  if (chapter === undefined) throw new Error(`${page} has no chapter "${heading}".`);
  return chapter.split("\n## ")[0] as string;
}

/**
 * Writes snippets where they can be imported, changed by `edit`, and type-checks them as an app's own files with the
 * repository's strict options. Throws with the compiler's output. Returns the folder.
 */
export function compileSnippets(name: string, snippets: Map<string, string>, edit: (code: string) => string): string {
  const folder = `${GENERATED}${name}/`;
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  for (const [file, code] of snippets) {
    if (!/\.tsx?$/.test(file)) continue;
    mkdirSync(dirname(`${folder}${file}`), { recursive: true });
    writeFileSync(`${folder}${file}`, edit(code));
  }
  // Declarations too: whatever an app exports has to be nameable by what our packages export.
  const options = {
    composite: false,
    noEmit: true,
    declarationMap: false,
    isolatedDeclarations: false,
    allowImportingTsExtensions: true,
  };
  const config = {
    extends: `${REPO}tsconfig.base.json`,
    compilerOptions: { ...options, jsx: "react-jsx", lib: ["ES2023", "DOM", "DOM.Iterable"], types: ["node"] },
    include: ["**/*.ts", "**/*.tsx"],
  };
  writeFileSync(`${folder}tsconfig.json`, JSON.stringify(config));
  try {
    execFileSync(process.execPath, [`${REPO}node_modules/typescript/bin/tsc`, "-p", folder], { encoding: "utf8" });
  } catch (error) {
    throw new Error(`snippets of ${name} do not compile:\n${(error as { stdout: string }).stdout}`, { cause: error });
  }
  return folder;
}
