import { QueryClient, QueryClientProvider, useQuery } from "@tanstack/react-query";
import { memo, type ReactElement } from "react";
import { type BoardRow, type Change, type LogItem, messageOf, type Subject, textOf } from "./subject.js";

/** Nothing is ever fetched: the data is there, and stays fresh. */
function queryFn(): never {
  throw new Error("The rows are pushed.");
}

/** TanStack Query: the rows are one query's data, which each row selects its own from. */
export async function createTanstack(): Promise<Subject> {
  const client = new QueryClient({ defaultOptions: { queries: { staleTime: Number.POSITIVE_INFINITY } } });
  const rowsKey = ["rows"];
  const logKey = ["log"];

  const Row = memo(function Row({ at }: { readonly at: number }): ReactElement {
    const { data } = useQuery({ queryKey: rowsKey, queryFn, select: (rows: readonly BoardRow[]) => rows[at] });
    return <li>{data && textOf(data)}</li>;
  });
  const Item = memo(function Item({ text }: { readonly text: string }): ReactElement {
    return <li>{text}</li>;
  });
  function Rows(): ReactElement {
    const { data = 0 } = useQuery({ queryKey: rowsKey, queryFn, select: (rows: readonly BoardRow[]) => rows.length });
    return (
      <ul>
        {Array.from({ length: data }, (_, at) => (
          <Row key={at} at={at} />
        ))}
      </ul>
    );
  }
  function Items(): ReactElement {
    const { data = [] } = useQuery<readonly LogItem[]>({ queryKey: logKey, queryFn });
    return (
      <ul>
        {data.map(({ id, text }) => (
          <Item key={id} text={text} />
        ))}
      </ul>
    );
  }

  return {
    begin: async (rows, log) => {
      client.setQueryData(rowsKey, rows);
      client.setQueryData(logKey, log);
    },
    Board: () => (
      <QueryClientProvider client={client}>
        <Rows />
      </QueryClientProvider>
    ),
    Log: () => (
      <QueryClientProvider client={client}>
        <Items />
      </QueryClientProvider>
    ),
    frameOf: messageOf,
    receive: (frame) => {
      const change = JSON.parse(frame) as Change;
      if (change.kind === "row") {
        client.setQueryData(rowsKey, (rows: readonly BoardRow[]) => rows.with(change.at, change.row));
        return;
      }
      const { item } = change;
      client.setQueryData(logKey, (log: readonly LogItem[]) =>
        change.kind === "append" ? [...log, item] : log.filter(({ id }) => id !== item.id),
      );
    },
  };
}
