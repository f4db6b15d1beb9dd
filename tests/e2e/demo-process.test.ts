import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createDataFolder, type DemoProcess, startDemo, tryDemo } from "./support/demo-process.js";

let data: ReturnType<typeof createDataFolder>;
let demo: DemoProcess;

beforeEach(async () => {
  data = createDataFolder();
  demo = await startDemo(data.path);
});

afterEach(async () => {
  await demo.stop();
  data.remove();
});

describe("the demo's process", () => {
  it("says where it is, serves the page there and ends well on SIGTERM", async () => {
    expect(demo.url).toMatch(/^http:\/\/localhost:\d+$/);
    const page = await fetch(`http://127.0.0.1:${demo.port}/`);
    expect(await page.text()).toContain("<title>Musubi board</title>");
    expect(await demo.stop()).toBe(0);
  });

  it("says so when its port is taken, or is none", async () => {
    const other = createDataFolder();
    const taken = await tryDemo(other.path, demo.port);
    expect(taken).toMatchObject({ code: 1 });
    expect(taken).toHaveProperty("stderr", expect.stringContaining(`Port ${demo.port} is taken`));
    const wrong = await tryDemo(other.path, "many");
    expect(wrong).toMatchObject({ code: 1 });
    expect(wrong).toHaveProperty("stderr", expect.stringContaining('PORT is "many"'));
    other.remove();
  });
});
