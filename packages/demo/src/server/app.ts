import { join } from "node:path";
import fastifyStatic from "@fastify/static";
import { consoleLogger, createPubSub } from "@musubi/server";
import { musubiFastify } from "@musubi/server/fastify";
import { type FastifyInstance, fastify } from "fastify";
import { BoardRecords } from "./board-records.js";
import { openDatabase } from "./database.js";
import { FileShelf } from "./file-shelf.js";
import { countInsights } from "./insights.js";
import { createDemoServer } from "./musubi.js";
import { People } from "./people.js";
import { serveFiles } from "./serve-files.js";

/** What {@link createApp} needs: folders, as paths. */
export interface AppOptions {
  /** Where the database lives; made when it is missing. */
  readonly dataFolder: string;
  /** The built page. */
  readonly pageFolder: string;
}

/** The demo as one Fastify app: the page, the sockets and the database, closed together and in order. */
export async function createApp({ dataFolder, pageFolder }: AppOptions): Promise<FastifyInstance> {
  const database = await openDatabase(join(dataFolder, "board.db"));
  const pubsub = createPubSub(consoleLogger);
  const publish = (topic: string, message: unknown): void => pubsub.publish(topic, message);
  const records = new BoardRecords({ database, publish, now: Date.now });
  const shelf = new FileShelf(join(dataFolder, "files"));
  await shelf.open(await records.forgetLooseFiles());
  const musubi = createDemoServer({
    records,
    shelf,
    people: new People(publish),
    countInsights: () => countInsights(database, Date.now()),
    pubsub,
    uploadFolder: join(dataFolder, "uploads"),
  });
  const app = fastify({ forceCloseConnections: true });
  await app.register(musubiFastify, { endpoint: musubi, path: "/socket" });
  serveFiles(app, { records, shelf });
  await app.register(fastifyStatic, {
    root: pageFolder,
    cacheControl: false,
    // Built files carry a hash in their name; the page that names them must always be asked for.
    setHeaders: (reply, path) => {
      const isHashed = path.startsWith(join(pageFolder, "assets"));
      reply.setHeader("cache-control", isHashed ? "public, max-age=31536000, immutable" : "no-cache");
    },
  });
  // Last of all: what is under way still writes.
  app.addHook("onClose", () => database.destroy());
  return app;
}
