import { fileURLToPath } from "node:url";
import { build, type Rollup } from "vite";

/** The script of page.tsx with all that it needs, as a production build of one file. */
export async function buildPage(): Promise<string> {
  const entry = fileURLToPath(new URL("../../src/react/page.tsx", import.meta.url));
  const result = await build({
    configFile: false,
    logLevel: "error",
    mode: "production",
    define: { "process.env.NODE_ENV": JSON.stringify("production") },
    resolve: { conditions: ["@musubi/source", "module", "browser", "import", "default"] },
    build: {
      write: false,
      target: "es2023",
      minify: true,
      lib: { entry, formats: ["iife"], name: "page" },
      rollupOptions: { output: { codeSplitting: false } },
    },
  });
  const [output] = (Array.isArray(result) ? result : [result]) as Rollup.RollupOutput[];
  const chunk = output?.output.find(({ type }) => type === "chunk");
  if (chunk?.type !== "chunk") throw new Error("The page could not be built.");
  return chunk.code;
}
