import { memo, type ReactElement } from "react";
import { create } from "zustand";
import { type BoardRow, type Change, type LogItem, messageOf, type Subject, textOf } from "./subject.js";

interface State {
  readonly ids: readonly string[];
  readonly rows: ReadonlyMap<string, BoardRow>;
  readonly log: readonly LogItem[];
}

/**
 * Zustand: rows by id in a Map, which each row selects its own from. A change copies the Map, which takes a third of the
 * time that spreading an object of 10 000 members does.
 */
export async function createZustand(): Promise<Subject> {
  const useStore = create<State>(() => ({ ids: [], rows: new Map(), log: [] }));

  const Row = memo(function Row({ id }: { readonly id: string }): ReactElement {
    const row = useStore((state) => state.rows.get(id));
    return <li>{row && textOf(row)}</li>;
  });
  const Item = memo(function Item({ text }: { readonly text: string }): ReactElement {
    return <li>{text}</li>;
  });

  return {
    begin: async (rows, log) => {
      useStore.setState({
        ids: rows.map(({ id }) => id),
        rows: new Map(rows.map((row) => [row.id, row])),
        log,
      });
    },
    Board: () => (
      <ul>
        {useStore((state) => state.ids).map((id) => (
          <Row key={id} id={id} />
        ))}
      </ul>
    ),
    Log: () => (
      <ul>
        {useStore((state) => state.log).map(({ id, text }) => (
          <Item key={id} text={text} />
        ))}
      </ul>
    ),
    frameOf: messageOf,
    receive: (frame) => {
      const change = JSON.parse(frame) as Change;
      useStore.setState((state) =>
        change.kind === "row"
          ? { rows: new Map(state.rows).set(change.row.id, change.row) }
          : {
              log:
                change.kind === "append"
                  ? [...state.log, change.item]
                  : state.log.filter(({ id }) => id !== change.item.id),
            },
      );
    },
  };
}
