import { createContext, memo, type ReactElement, type ReactNode, useContext, useState } from "react";
import { flushSync } from "react-dom";
import { type BoardRow, type Change, type LogItem, messageOf, type Subject, textOf } from "./subject.js";

interface State {
  readonly rows: readonly BoardRow[];
  readonly log: readonly LogItem[];
}

/** State in one component, given to all through a context: whoever reads it renders with every change. */
export async function createNaiveContext(): Promise<Subject> {
  const context = createContext<State>({ rows: [], log: [] });
  let initial: State = { rows: [], log: [] };
  let update: ((next: (state: State) => State) => void) | undefined;

  function Provider({ children }: { readonly children: ReactNode }): ReactElement {
    const [state, setState] = useState(initial);
    update = setState;
    return <context.Provider value={state}>{children}</context.Provider>;
  }
  const Row = memo(function Row({ at }: { readonly at: number }): ReactElement {
    const row = useContext(context).rows[at];
    return <li>{row && textOf(row)}</li>;
  });
  const Item = memo(function Item({ at }: { readonly at: number }): ReactElement {
    return <li>{useContext(context).log[at]?.text}</li>;
  });
  const Rows = (): ReactNode => useContext(context).rows.map(({ id }, at) => <Row key={id} at={at} />);
  const Items = (): ReactNode => useContext(context).log.map(({ id }, at) => <Item key={id} at={at} />);

  return {
    begin: async (rows, log) => {
      initial = { rows, log };
    },
    Board: () => (
      <Provider>
        <ul>
          <Rows />
        </ul>
      </Provider>
    ),
    Log: () => (
      <Provider>
        <ul>
          <Items />
        </ul>
      </Provider>
    ),
    frameOf: messageOf,
    receive: (frame) => {
      const change = JSON.parse(frame) as Change;
      // As soon as the others, whose updates are synchronous: a task's wait would be added otherwise.
      flushSync(() =>
        update?.(({ rows, log }) => {
          if (change.kind === "row") return { rows: rows.with(change.at, change.row), log };
          const { item } = change;
          return { rows, log: change.kind === "append" ? [...log, item] : log.filter(({ id }) => id !== item.id) };
        }),
      );
    },
  };
}
