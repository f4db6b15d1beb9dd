import react from "@vitejs/plugin-react";
import { defineConfig, type UserConfig } from "vite";

export default defineConfig(({ command }): UserConfig => {
  // What is built is for production whoever starts the build: a test runner's NODE_ENV would bring React's
  // development build, three times the size.
  if (command === "build") process.env["NODE_ENV"] = "production";
  return {
    plugins: [react()],
    // The packages of this repository are bundled from their sources: nothing has to be built before the page.
    resolve: { conditions: ["@musubi/source", "module", "browser", "import", "default"] },
    build: { outDir: "dist/page", emptyOutDir: true, target: "es2022", sourcemap: true },
    server: {
      proxy: { "/socket": { target: "ws://127.0.0.1:4000", ws: true }, "/files": "http://127.0.0.1:4000" },
    },
  };
});
