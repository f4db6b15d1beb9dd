import { createMusubi, keyOf, type StoreDef, type StoreField, type StoreProxy, type StreamField } from "@musubi/react";
import { Socket } from "phoenix";
import { memo, type ReactElement } from "react";
import { envelopeOf, insertOf, opsOf } from "./envelope.js";
import { type BoardRow, type LogItem, type Subject, textOf } from "./subject.js";
import { WireTransport } from "./wire-transport.js";

interface Stores {
  Board: StoreDef<{ title: string; rows: StoreField<"Row">[]; log: StreamField<{ text: string }> }>;
  Row: StoreDef<Omit<BoardRow, "id">>;
}

const { connect, useMusubiSnapshot, useMusubiStream } = createMusubi<Stores>();

/** @musubi/react over phoenix.js, on a transport in the page. */
export async function createOurs(): Promise<Subject> {
  const wire = new WireTransport();
  const socket = new Socket("ws://bench/socket", { transport: wire.transport });
  let version = 0;
  let board: StoreProxy<"Board", Stores>;

  const next = (ops: readonly object[], streamOps: readonly object[]): string =>
    wire.frameOf("patch", envelopeOf(version++, ops, streamOps));

  const Row = memo(function Row({ store }: { readonly store: StoreProxy<"Row", Stores> }): ReactElement {
    return <li>{textOf(useMusubiSnapshot(store))}</li>;
  });
  const Item = memo(function Item({ text }: { readonly text: string }): ReactElement {
    return <li>{text}</li>;
  });

  return {
    begin: async (rows: readonly BoardRow[], log: readonly LogItem[]) => {
      const connection = await connect(socket);
      const mounted = connection.mountStore({ module: "Board", id: "1" });
      const stores = rows.map(({ id, ...fields }) => ({ __musubi_store_id__: ["rows", id], ...fields }));
      const root = { __musubi_store_id__: [], title: "Board", rows: stores, log: { __musubi_stream__: "log" } };
      await wire.mounted;
      wire.receive(next([{ op: "replace", path: "", value: root }], log.map(insertOf)));
      ({ store: board } = await mounted);
    },
    Board: () => (
      <ul>
        {useMusubiSnapshot(board, (_, { rows }) => rows).map((row) => (
          <Row key={keyOf(row)} store={row} />
        ))}
      </ul>
    ),
    Log: () => {
      const { items, keys } = useMusubiStream(board, ({ log }) => log);
      return (
        <ul>
          {items.map(({ text }, at) => (
            <Item key={keys[at]} text={text} />
          ))}
        </ul>
      );
    },
    frameOf: (change) => next(...opsOf(change)),
    receive: (frame) => wire.receive(frame),
  };
}
