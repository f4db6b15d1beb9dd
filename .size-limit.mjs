// Size budgets of what a page loads: ESM, minified by esbuild, gzipped; phoenix and react belong to the app. The
// budgets hold what there is; the goal is 8 kB for the client's core, 15 kB for all of it and 5 kB for react.
import * as runtime from "./packages/client/dist/runtime.js";

const esm = (config) => ({ ...config, format: "esm" });
/** Chunks that only their first use loads (uploads, the cache, a channel per root) are not of what a page begins with. */
const lazily = {
  name: "lazily",
  setup: (build) =>
    build.onResolve({ filter: /./ }, ({ kind, path }) =>
      kind === "dynamic-import" ? { path, external: true } : undefined,
    ),
};
const begins = (config) => esm({ ...config, plugins: [lazily, ...(config.plugins ?? [])] });
const shared = { gzip: true, modifyEsbuildConfig: esm };
const client = "packages/client/dist/index.js";

export default [
  {
    ...shared,
    name: "client core: connect, mount, commands, snapshots, streams, recovery",
    path: client,
    import: "{ connect }",
    modifyEsbuildConfig: begins,
    ignore: ["phoenix"],
    limit: "16.2 kB",
  },
  {
    ...shared,
    name: "client, all of it",
    // One "*" is all that size-limit takes, hence the second entry name by name.
    // The chunks are named too, since in one file esbuild would wrap every module that a lazy import reaches.
    import: {
      [client]: "*",
      "packages/client/dist/runtime.js": `{ ${Object.keys(runtime).join(", ")} }`,
      "packages/client/dist/uploads/upload-table.js": "{ UploadTable }",
      "packages/client/dist/uploads/upload-engine.js": "{ createUploadEngine }",
      "packages/client/dist/cache/cache-engine.js": "{ cacheEngine }",
      "packages/client/dist/connection/own-channel-topology.js": "{ OwnChannelTopology }",
    },
    modifyEsbuildConfig: begins,
    ignore: ["phoenix"],
    limit: "27.7 kB",
  },
  {
    ...shared,
    name: "createSocket, on its own",
    path: "packages/client/dist/socket.js",
    import: "{ createSocket }",
    ignore: ["phoenix"],
    limit: "3.9 kB",
  },
  {
    ...shared,
    name: "react, all of it, on top of the client",
    path: "packages/react/dist/index.js",
    import: "*",
    ignore: ["phoenix", "react", "react-dom", "@musubi/client", "@musubi/protocol"],
    limit: "5 kB",
  },
];
