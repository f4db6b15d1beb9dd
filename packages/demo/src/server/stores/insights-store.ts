import { command, defineStore } from "@musubi/server";
import { BOARD_TOPIC } from "../board-records.js";
import type { Services } from "../commit.js";

/** How long changes are gathered before the board is counted anew. */
const GATHER_MS = 500;

/**
 * What the board has been up to: a root store with one async value. It is counted in the background, and counted anew
 * when the board has changed or somebody asks; the former count stays meanwhile.
 */
export const createInsightsStore = ({ countInsights }: Services) =>
  defineStore("Demo.Insights", {
    mount: (ctx) => {
      ctx.subscribe(BOARD_TOPIC, "changed");
      return { report: ctx.assignAsync("report", countInsights), isDue: false };
    },
    render: ({ report }) => ({ report }),
    commands: {
      refresh: command((ctx) => {
        ctx.assignAsync("report", countInsights);
      }),
    },
    info: {
      changed: (ctx) => {
        if (ctx.assigns.isDue) return;
        ctx.assign({ isDue: true });
        ctx.sendAfter(GATHER_MS, "due");
      },
      due: (ctx) => {
        ctx.assign({ isDue: false });
        ctx.assignAsync("report", countInsights);
      },
    },
  });
