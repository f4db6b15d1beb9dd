import { type ConnectRequest, createMusubiServer, type InferStores, type PubSub } from "@musubi/server";
import * as v from "valibot";
import type { Person } from "../shared/person.js";
import type { Services } from "./commit.js";
import { PersonParams } from "./inputs.js";
import { createActivityStore } from "./stores/activity-store.js";
import { createAttachmentsStore } from "./stores/attachments-store.js";
import { createBoardStore } from "./stores/board-store.js";
import { createInsightsStore } from "./stores/insights-store.js";
import { createPeopleStore } from "./stores/people-store.js";

declare module "@musubi/server" {
  interface Register {
    user: Person;
  }
}

/** What the demo's server of stores is made of. */
export interface DemoServerOptions extends Services {
  /** Where the database tells what has changed; the stores listen to it. */
  readonly pubsub: PubSub;
  /** Where files are until they have arrived whole; on the disk that keeps them. */
  readonly uploadFolder: string;
}

/** The demo's roots, on one channel: the board, its files, the activity feed, insights and who is here. */
export function createDemoServer({ pubsub, uploadFolder, ...services }: DemoServerOptions) {
  return createMusubiServer({
    stores: [
      createBoardStore(services),
      createAttachmentsStore(services),
      createActivityStore(services),
      createInsightsStore(services),
      createPeopleStore(services),
    ],
    pubsub,
    uploads: { directory: uploadFolder },
    connect: identify,
  });
}

/** The registry that types the page. */
export type DemoStores = InferStores<ReturnType<typeof createDemoServer>>;

/** A page says who it is when it connects; whoever does not is refused. A demo takes people at their word. */
function identify({ params }: ConnectRequest): { user: Person } | false {
  const person = v.safeParse(PersonParams, params);
  return person.success && { user: person.output };
}
