import { act } from "@testing-library/react";

/** Rounds of rendering after which a tree that still asks for more is left to itself. */
const MAX_ROUNDS = 20;

/** Runs work, waits for what it brings about, and renders that. */
export type Settle = (work?: () => unknown) => Promise<void>;

/**
 * Makes a {@link Settle}. React cannot have one `act` within another, so work that is asked for while another is
 * settling (a command's handler that changes the state) runs at once, and the outer one waits for it.
 *
 * `askedFor` counts what the tree has asked of the server: while it grows there is another round.
 */
export function createSettle(askedFor: () => number): Settle {
  let isSettling = false;
  const inner: Promise<unknown>[] = [];
  return async (work) => {
    if (isSettling) {
      const joined = run(work);
      inner.push(joined.catch(() => {}));
      return joined;
    }
    isSettling = true;
    try {
      await act(() => run(work));
      for (let round = 0, seen = -1; round < MAX_ROUNDS; round++) {
        if (seen === askedFor() && inner.length === 0) return;
        seen = askedFor();
        await act(() => run(() => Promise.all(inner.splice(0))));
      }
    } finally {
      isSettling = false;
    }
  };
}

const run: Settle = async (work) => {
  await work?.();
  await turns();
};

/** Some turns of the event loop: the transport takes microtasks, so a few are plenty. */
export async function turns(): Promise<void> {
  for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setTimeout(resolve, 0));
}
