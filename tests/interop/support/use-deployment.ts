import { afterAll, afterEach, beforeAll, vi } from "vitest";
import { Deployment } from "./deployment.js";
import { DeskClient } from "./deployment-clients.js";

/** A deployment for the tests of a file. */
export interface DeploymentOfTests {
  /** The deployment, once the tests run. */
  readonly desk: Deployment;
  /** What is done after each test, the latest first. */
  readonly closers: (() => unknown)[];
  readonly open: (name: string, transport?: "websocket" | "longpoll") => Promise<DeskClient>;
}

/** Starts a deployment before the tests of a file, with these tickets and one that all clients share, and stops it. */
export function useDeployment(name: string, tickets: readonly string[]): DeploymentOfTests {
  let desk: Deployment;
  const closers: (() => unknown)[] = [];
  beforeAll(async () => {
    // phoenix.js prints what it cannot read, such as nginx's own words.
    vi.spyOn(console, "log").mockImplementation(() => {});
    // Node's fetch, over which phoenix.js polls, takes no certificate of a test's own.
    process.env["NODE_TLS_REJECT_UNAUTHORIZED"] = "0";
    desk = await Deployment.start(name);
    for (const id of ["shared", ...tickets]) desk.saveTicket(id, "new");
  }, 180_000);
  afterEach(async () => {
    for (const close of closers.splice(0).toReversed()) await close();
  });
  afterAll(async () => {
    delete process.env["NODE_TLS_REJECT_UNAUTHORIZED"];
    await desk?.stop();
    vi.restoreAllMocks();
  });
  return {
    get desk() {
      return desk;
    },
    closers,
    async open(user, transport = "websocket") {
      const client = await DeskClient.open(desk, user, transport);
      closers.push(() => client.connection.disconnect());
      return client;
    },
  };
}
