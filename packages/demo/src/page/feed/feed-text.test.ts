import { describe, expect, it } from "vitest";
import type { ActivityEntry } from "../../shared/activity.js";
import { activityText } from "./activity-text.js";
import { timeAgo } from "./time-ago.js";

const entry = (kind: ActivityEntry["kind"], detail = ""): ActivityEntry => {
  return { id: "1", at: 0, name: "Ana", hue: "moss", kind, subject: "Soup", detail };
};

const sentence = (one: ActivityEntry): string => {
  const { verb, link, object } = activityText(one);
  return [one.name, verb, one.subject, link, object].filter((part) => part !== "").join(" ");
};

describe("a line of the feed", () => {
  it.each<[ActivityEntry, string]>([
    [entry("addCard", "Ideas"), "Ana added Soup to Ideas"],
    [entry("editCard", "Hot soup"), "Ana renamed Soup to Hot soup"],
    [entry("editCard"), "Ana wrote a note on Soup"],
    [entry("labelCard", "amber"), "Ana coloured Soup in amber"],
    [entry("labelCard", "plain"), "Ana took the colour off Soup"],
    [entry("moveCard", "Done"), "Ana moved Soup to Done"],
    [entry("removeCard"), "Ana removed Soup"],
    [entry("addColumn"), "Ana added the column Soup"],
    [entry("renameColumn", "Stew"), "Ana renamed the column Soup to Stew"],
    [entry("removeColumn"), "Ana removed the column Soup"],
  ])("reads as a sentence: %#", (one, expected) => {
    expect(sentence(one)).toBe(expected);
  });
});

describe("timeAgo", () => {
  const MINUTE = 60_000;
  it.each([
    [-5 * MINUTE, "just now"],
    [MINUTE - 1, "just now"],
    [MINUTE, "1 min ago"],
    [59 * MINUTE, "59 min ago"],
    [60 * MINUTE, "1 h ago"],
    [23 * 60 * MINUTE, "23 h ago"],
    [24 * 60 * MINUTE, "yesterday"],
    [72 * 60 * MINUTE, "3 days ago"],
  ])("%i ms are %s", (passed, expected) => {
    expect(timeAgo(1_000_000, 1_000_000 + passed)).toBe(expected);
  });
});
