/** What runs in the page of one subject, driven by main.ts. */
import { createRoot } from "react-dom/client";
import { createNaiveContext } from "./context.js";
import { createOurs } from "./ours.js";
import { type BoardRow, type Change, type LogItem, type Subject, textOf } from "./subject.js";
import { createTanstack } from "./tanstack.js";
import { createZustand } from "./zustand.js";

const SUBJECTS = {
  ours: createOurs,
  zustand: createZustand,
  "@tanstack/react-query": createTanstack,
  context: createNaiveContext,
} as const;

export type SubjectName = keyof typeof SUBJECTS;
export type CaseName = "one-row" | "stream-append";

/** What the page offers to its driver. */
export interface BenchPage {
  /** Shows `size` rows or items; resolves when they are on screen. */
  begin(subject: SubjectName, of: CaseName, size: number): Promise<void>;
  /** Delivers `count` changes, one after another. Resolves with the median of milliseconds from frame to DOM. */
  run(count: number): Promise<number>;
}

const rowAt = (at: number): BoardRow => ({
  id: `r${at}`,
  name: `Row ${at}`,
  votes: 0,
  owner: `user ${at % 97}`,
  isDone: false,
  tags: ["a", "b"],
});
const itemAt = (at: number): LogItem => ({ id: `i${at}`, text: `Message ${at}` });

/** A turn of the event loop, as there is between two frames; not a timer's, which browsers make wait. */
function nextTurn(): Promise<void> {
  if (typeof MessageChannel === "undefined") return new Promise((resolve) => setTimeout(resolve, 0));
  return new Promise((resolve) => {
    const { port1, port2 } = new MessageChannel();
    const end = (): void => {
      port1.close();
      resolve();
    };
    port1.addEventListener("message", end, { once: true });
    port1.start();
    port2.postMessage(undefined);
  });
}

let subject: Subject;
let of: CaseName;
let size: number;
let changes = 0;
const container = document.body.appendChild(document.createElement("div"));
// What comes after the commit is the same for all, and takes its time with 10 000 rows.
container.style.setProperty("content-visibility", "hidden");
const elements = (): HTMLCollection => (container.firstElementChild as Element).children;

async function until(isThere: () => boolean): Promise<void> {
  while (!isThere()) await nextTurn();
}

/** Milliseconds from a frame's arrival until what it tells of is in the DOM. */
function latencyOf(frame: string, isShown: () => boolean): Promise<number> {
  return new Promise((resolve) => {
    const observer = new MutationObserver(() => {
      const end = performance.now();
      if (!isShown()) return;
      observer.disconnect();
      resolve(end - start);
    });
    observer.observe(container, { childList: true, characterData: true, subtree: true });
    const start = performance.now();
    subject.receive(frame);
  });
}

async function changeRow(): Promise<number> {
  const at = (changes * 7919) % size;
  const row = { ...rowAt(at), votes: ++changes };
  const element = elements()[at] as Element;
  const latency = await latencyOf(subject.frameOf({ kind: "row", at, row }), () => element.textContent === textOf(row));
  if (elements()[at] !== element) throw new Error("The row was made anew.");
  return latency;
}

async function append(): Promise<number> {
  const item = itemAt(size + changes++);
  const latency = await latencyOf(
    subject.frameOf({ kind: "append", item }),
    () => container.firstElementChild?.lastElementChild?.textContent === item.text,
  );
  await nextTurn();
  const drop: Change = { kind: "drop", item };
  subject.receive(subject.frameOf(drop));
  await until(() => elements().length === size);
  return latency;
}

const page: BenchPage = {
  begin: async (name, caseName, count) => {
    subject = await SUBJECTS[name]();
    [of, size] = [caseName, count];
    const isLog = of === "stream-append";
    const make = <T,>(one: (at: number) => T): T[] => Array.from({ length: size }, (_, at) => one(at));
    await subject.begin(isLog ? [] : make(rowAt), isLog ? make(itemAt) : []);
    createRoot(container).render(isLog ? <subject.Log /> : <subject.Board />);
    await until(() => container.firstElementChild !== null && elements().length === size);
    // Effects subscribe after the commit.
    for (let turn = 0; turn < 20; turn++) await nextTurn();
  },
  run: async (count) => {
    const latencies: number[] = [];
    for (let time = 0; time < count; time++) {
      await nextTurn();
      latencies.push(await (of === "one-row" ? changeRow() : append()));
    }
    return latencies.toSorted((a, b) => a - b)[count >> 1] as number;
  },
};

declare global {
  interface Window {
    bench: BenchPage;
  }
}

window.bench = page;
