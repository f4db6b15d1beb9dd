import { defineStore, stream } from "@musubi/server";
import { type ActivityEntry, FEED_LENGTH } from "../../shared/activity.js";
import { ACTIVITY_TOPIC } from "../board-records.js";
import type { Services } from "../commit.js";

/** Who did what, newest first: a root store whose lines are a stream, kept by the pages rather than by the server. */
export const createActivityStore = ({ records }: Services) =>
  defineStore("Demo.Activity", {
    streams: { entries: { key: (entry: ActivityEntry) => entry.id, limit: FEED_LENGTH } },
    mount: async (ctx) => {
      // A line told while the first ones load replaces itself: streams insert by key.
      ctx.subscribe(ACTIVITY_TOPIC, "added");
      ctx.stream("entries").reset(await records.recentActivity(FEED_LENGTH));
      return {};
    },
    render: () => ({ entries: stream("entries") }),
    info: {
      added: (ctx, entry: ActivityEntry) => ctx.stream("entries").insert(entry, { at: 0 }),
    },
  });
