// docs/react-matrix.md as text and as data: what React's versions do to mounts, as the tests of tests/react saw it.

/**
 * What stands in a cell, by table, row and column ("plain expected", "resume 18.3").
 * @typedef {Record<string, Record<string, Record<string, string>>>} Matrix
 */

/** What a React version lacks. */
export const NOT_THERE = "n/a";

/** The tables of the page, in order: jsdom runs those without a browser's name. */
const SECTIONS = ["useMusubiRoot", "useMusubiRootSuspense"].flatMap((hook) => [hook, `${hook} in Chromium`]);
const KINDS = /** @type {const} */ (["plain", "resume"]);
const EXPECTED = "expected";

const INTRO = `# StrictMode and mounts

What comes over the wire and onto the screen when components come, go, hide, suspend and lose their server: one mount
for each life of a root, one unmount after its last holder is really gone, and no fallback once there has been state.
This page is written by \`npm run react-matrix\` from what tests saw on each version of React, below \`<StrictMode>\`, in
development builds, over phoenix.js sockets to a server that counts messages: \`tests/react\` in jsdom with a server in
the same process, \`tests/e2e\` in Chromium with Vite's dev server over real WebSockets, through a TCP proxy that breaks
them. A test fails when the page says anything else. In jsdom every number is the same
without StrictMode, which is tested too.

A cell reads **mounts · unmounts · fallbacks · renders · leaked roots**:

- mounts and unmounts are messages on the wire, from the first render to a grace after the last component has gone;
  a mount that a server with the feature \`resume\` answered by going on where the client was is named in brackets;
- fallbacks count how often one came on screen: the first load is one;
- renders are commits of the component that reads the root, its fallback included; two are a first load, and in Chromium
  one is a click; a lost connection costs the hook that suspends the change alone, since the store is all that it
  returns, and \`useMusubiRoot\` one render each for what it returns besides: that the state is stale, and that it is
  being fetched; a resumed root is live with the server's reply, and what it missed comes after that, in a message of
  its own: to \`useMusubiRoot\` a render more where each message is a task of its own, as in a browser; what React 19
  commits anew of a fallback that stays for more than 300 ms is left out;
- leaked roots are those that the server still holds when no component does.

"Plain" servers have no features, and "resume" ones keep sessions over a drop. ${NOT_THERE} is what a version of React lacks.
`;

/**
 * @param {{ mounts: number, resumed: number, unmounts: number, fallbacks: number, renders: number, leaked: number }} counts
 */
export function cellText({ mounts, resumed, unmounts, fallbacks, renders, leaked }) {
  const mounted = resumed === 0 ? `${mounts}` : `${mounts} (${resumed} resumed)`;
  return [mounted, unmounts, fallbacks, renders, leaked].join(" · ");
}

/** The column of what a version showed, or of what was expected of all when none is given. */
export function columnOf(/** @type {string} */ kind, version = EXPECTED) {
  return `${kind} ${version}`;
}

/**
 * The page. A table's rows come from the first matrix that has the table, a cell from the first that has it.
 * @param {readonly Matrix[]} matrices
 */
export function renderPage(matrices) {
  const rows = matrices.flatMap((matrix) => Object.values(matrix).flatMap((table) => Object.values(table)));
  const versions = new Set(rows.flatMap((cells) => Object.keys(cells)).map((column) => column.split(" ")[1] ?? ""));
  versions.delete(EXPECTED);
  const columns = KINDS.flatMap((kind) =>
    [EXPECTED, ...[...versions].sort()].map((version) => columnOf(kind, version)),
  );
  const head = ["what happens", ...columns.map((column) => column.replace(/ (?=\d)/, ", React "))];
  const tables = SECTIONS.flatMap((title) => {
    const table = matrices.find((matrix) => title in matrix)?.[title];
    if (table === undefined) return [];
    const lines = Object.keys(table).map((row) => {
      const cells = matrices.map((matrix) => matrix[title]?.[row] ?? {});
      return lineOf([row, ...columns.map((column) => cells.find((known) => column in known)?.[column] ?? "?")]);
    });
    return [[`## ${title}`, "", lineOf(head), lineOf(head.map(() => "---")), ...lines, ""].join("\n")];
  });
  return [INTRO, ...tables].join("\n");
}

/**
 * The cells of a page that was rendered before.
 * @param {string} page
 * @returns {Matrix}
 */
export function readPage(page) {
  /** @type {Matrix} */
  const matrix = {};
  for (const section of page.split(/^## /m).slice(1)) {
    const [title = "", ...lines] = section.split("\n");
    const [head = [], , ...rows] = lines.filter((line) => line.startsWith("|")).map(cellsOf);
    const columns = head.slice(1).map((column) => column.replace(", React ", " "));
    const table = rows.map(([row = "", ...cells]) => [
      row,
      Object.fromEntries(columns.map((column, index) => [column, cells[index] ?? ""])),
    ]);
    matrix[title] = Object.fromEntries(table);
  }
  return matrix;
}

const lineOf = (/** @type {readonly string[]} */ cells) => `| ${cells.join(" | ")} |`;
const cellsOf = (/** @type {string} */ line) => line.slice(2, -2).split(" | ");
