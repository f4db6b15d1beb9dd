import { Activity, type ReactElement, Suspense, startTransition } from "react";
import { eventually } from "@musubi/testing";
import { cell, type MatrixCell } from "./matrix-cell.js";
import { GRACE_MS, type MatrixStage } from "./matrix-stage.js";
import type { RootHook, RoomView } from "./matrix-views.js";
import type { ServerKind } from "./wire-server.js";

/** Something that happens to a component with a root, and what may come of it. */
export interface MatrixRow {
  readonly name: string;
  /** Whether this React has what the row needs. */
  readonly isPossible: boolean;
  readonly run: (stage: MatrixStage, Room: RoomView) => Promise<void>;
  readonly expected: (hook: RootHook, kind: ServerKind) => MatrixCell;
}

/**
 * Commits of a first load and of the change that the new connection brings. What `useMusubiRoot` returns says that the
 * state is stale and then being fetched: one more for each.
 */
const afterLoss = (hook: RootHook): number => (hook === "useMusubiRoot" ? 5 : 3);

const hasActivity = (Activity as unknown) !== undefined;

/** What stands in the matrix, in its order. */
export const ROWS: readonly MatrixRow[] = [
  {
    name: "mounted, then left for good",
    isPossible: true,
    run: async (stage, Room) => {
      stage.show(<Room />);
      await stage.shows("room a");
    },
    expected: () => cell({}),
  },
  {
    name: "left before the first state had come",
    isPossible: true,
    run: async (stage, Room) => {
      stage.server.held.add("a");
      stage.show(<Room />);
      await stage.shows("loading");
      await eventually(() => stage.server.counts.mounts === 1, "the mount");
      stage.show(null);
      await stage.shows("");
      await stage.advance(GRACE_MS);
      stage.server.answerHeld();
    },
    expected: () => cell({ renders: 1 }),
  },
  {
    name: "route swap in one commit",
    isPossible: true,
    run: async (stage, Room) => {
      stage.show(<Room key="here" />);
      await stage.shows("room a");
      stage.show(<Room key="there" />);
      await stage.advance(GRACE_MS);
      await stage.shows("room a");
    },
    expected: () => cell({ renders: 3 }),
  },
  {
    name: "route swap across commits, within the grace",
    isPossible: true,
    run: async (stage, Room) => {
      stage.show(<Room />);
      await stage.shows("room a");
      stage.show(null);
      await stage.shows("");
      await stage.advance(GRACE_MS - 1);
      stage.show(<Room />);
      await stage.shows("room a");
    },
    expected: () => cell({ renders: 3 }),
  },
  {
    name: "left and entered again after the grace",
    isPossible: true,
    run: async (stage, Room) => {
      stage.show(<Room />);
      await stage.shows("room a");
      stage.show(null);
      await stage.shows("");
      await stage.advance(GRACE_MS);
      stage.show(<Room />);
      await stage.shows("room a");
    },
    expected: () => cell({ mounts: 2, unmounts: 2, fallbacks: 2, renders: 4 }),
  },
  {
    name: "`<Activity>` hidden and shown within the grace",
    isPossible: hasActivity,
    run: async (stage, Room) => {
      await hide(stage, Room);
      await stage.advance(GRACE_MS - 1);
      stage.show(inActivity(Room, "visible"));
      await stage.shows("room a");
    },
    expected: () => cell({ renders: 3 }),
  },
  {
    name: "`<Activity>` hidden for longer than the grace, then shown",
    isPossible: hasActivity,
    run: async (stage, Room) => {
      await hide(stage, Room);
      await stage.advance(GRACE_MS);
      stage.server.setTitle("a", "newer");
      stage.show(inActivity(Room, "visible"));
      await stage.shows("newer");
    },
    expected: () => cell({ mounts: 2, unmounts: 2, renders: 4 }),
  },
  {
    name: "reconnect after a drop, with a change meanwhile",
    isPossible: true,
    run: async (stage, Room) => {
      stage.show(<Room />);
      await stage.shows("room a");
      stage.server.drop();
      stage.server.setTitle("a", "newer");
      await stage.advance(GRACE_MS);
      stage.server.comeBack();
      await stage.shows("newer");
    },
    expected: (hook, kind) => cell({ mounts: 2, resumed: kind === "resume" ? 1 : 0, renders: afterLoss(hook) }),
  },
  {
    name: "server restart, with a change meanwhile",
    isPossible: true,
    run: async (stage, Room) => {
      stage.show(<Room />);
      await stage.shows("room a");
      stage.server.stop();
      stage.server.setTitle("a", "newer");
      await stage.advance(GRACE_MS);
      stage.server.comeBack();
      await stage.shows("newer");
    },
    expected: (hook) => cell({ mounts: 2, renders: afterLoss(hook) }),
  },
  {
    name: "refused mount, then the error boundary is reset",
    isPossible: true,
    run: async (stage, Room) => {
      stage.server.refused.add("a");
      stage.show(
        <stage.Boundary>
          <Room />
        </stage.Boundary>,
      );
      await stage.shows("failed");
      await stage.advance(GRACE_MS);
      stage.server.refused.delete("a");
      stage.click();
      await stage.shows("room a");
    },
    expected: () => cell({ mounts: 2, fallbacks: 2, renders: 3 }),
  },
  {
    name: "changed params",
    isPossible: true,
    run: async (stage, Room) => {
      stage.show(<Room page={1} />);
      await stage.shows("room a, page 1");
      stage.show(<Room page={2} />);
      await stage.shows("room a, page 2");
    },
    // The hook that suspends keeps the state of the former params on screen.
    expected: (hook) => cell({ mounts: 2, unmounts: 2, fallbacks: hook === "useMusubiRoot" ? 2 : 1, renders: 4 }),
  },
  {
    name: "changed id",
    isPossible: true,
    run: async (stage, Room) => {
      stage.show(<Room />);
      await stage.shows("room a");
      // React 18 waits a moment for what comes quickly before it hides something.
      stage.server.held.add("b");
      stage.show(<Room id="b" />);
      await stage.shows("loading");
      stage.server.answerHeld();
      await stage.shows("room b");
    },
    expected: () => cell({ mounts: 2, unmounts: 2, fallbacks: 2, renders: 4 }),
  },
  {
    name: "changed id, in a transition",
    isPossible: true,
    run: async (stage, Room) => {
      stage.show(<Room />);
      await stage.shows("room a");
      startTransition(() => stage.show(<Room id="b" />));
      await stage.shows("room b");
    },
    // React waits with a transition for what suspends, and for nothing else.
    expected: (hook) =>
      hook === "useMusubiRoot"
        ? cell({ mounts: 2, unmounts: 2, fallbacks: 2, renders: 4 })
        : cell({ mounts: 2, unmounts: 2, renders: 3 }),
  },
  {
    name: "transition to another root, abandoned before it could be shown",
    isPossible: true,
    run: async (stage, Room) => {
      let attempts = 0;
      const page = (id: string, isBlocked: boolean): ReactElement => (
        <Suspense fallback={<stage.Fallback />}>
          <Room id={id} />
          {isBlocked ? <Blocked onRender={() => attempts++} /> : null}
        </Suspense>
      );
      stage.show(page("a", false));
      await stage.shows("room a");
      stage.server.held.add("b");
      startTransition(() => stage.show(page("b", true)));
      await eventually(() => attempts > 0, "the transition's render");
      await stage.advance(GRACE_MS);
      stage.show(page("a", false));
      await stage.advance(GRACE_MS);
      stage.server.answerHeld();
      await stage.advance(GRACE_MS);
      await stage.shows("room a");
    },
    // A render that is never committed mounts what it suspends on, and nothing else.
    expected: (hook) => cell(hook === "useMusubiRoot" ? { renders: 3 } : { mounts: 2, unmounts: 2, renders: 3 }),
  },
];

/** Suspends for ever. */
function Blocked({ onRender }: { readonly onRender: () => void }): null {
  onRender();
  // oxlint-disable-next-line typescript/only-throw-error -- how a component suspends on React 18
  throw never;
}
const never = new Promise<void>(() => {});

const inActivity = (Room: RoomView, mode: "visible" | "hidden"): ReactElement => (
  <Activity mode={mode}>
    <Room />
  </Activity>
);

async function hide(stage: MatrixStage, Room: RoomView): Promise<void> {
  stage.show(inActivity(Room, "visible"));
  await stage.shows("room a");
  stage.show(inActivity(Room, "hidden"));
  await stage.shows("");
}
