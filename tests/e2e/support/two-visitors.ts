import type { Browser } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach, expect } from "vitest";
import { launchBrowser, type Visitor, visit } from "./browser.js";
import { createDataFolder, type DemoProcess, startDemo } from "./demo-process.js";

/** Two people on a demo of their own. */
export interface TwoVisitors {
  readonly ana: Visitor;
  readonly bo: Visitor;
  /** To be replaced by a test that ends it, with the one that it starts. */
  demo: DemoProcess;
  readonly dataFolder: string;
  /** One more person. */
  visit(): Promise<Visitor>;
}

/**
 * Starts a demo for each test of the file, and has two people open its board; after the test no page of theirs may
 * have thrown or logged an error. What is returned is filled before each test.
 */
export function useTwoVisitors(): TwoVisitors {
  const stage = {} as TwoVisitors;
  let browser: Browser;
  let data: ReturnType<typeof createDataFolder>;

  beforeAll(async () => {
    browser = await launchBrowser();
  });

  beforeEach(async () => {
    data = createDataFolder();
    const demo = await startDemo(data.path);
    const come = (): Promise<Visitor> => visit(browser, stage.demo.url);
    Object.assign(stage, { demo, dataFolder: data.path, visit: come } satisfies Partial<TwoVisitors>);
    const [ana, bo] = await Promise.all([come(), come()]);
    Object.assign(stage, { ana, bo } satisfies Partial<TwoVisitors>);
  });

  afterEach(async () => {
    const { ana, bo, demo } = stage;
    expect([ana.errors, bo.errors]).toEqual([[], []]);
    await Promise.all([ana.leave(), bo.leave()]);
    await demo.stop();
    data.remove();
  });

  afterAll(() => browser.close());

  return stage;
}
