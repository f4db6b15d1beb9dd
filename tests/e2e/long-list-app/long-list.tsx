import type { MusubiStream } from "@musubi/react";
import { useVirtualizer } from "@tanstack/react-virtual";
import { memo, type ReactElement, useLayoutEffect, useRef } from "react";
import type { Entry } from "../support/long-list-server.js";
import { musubi } from "./musubi.js";

/** The rows that are in view of a stream of thousands. */
export function LongList(): ReactElement {
  const { store } = musubi.useMusubiRoot({ module: "LongList", id: "main" });
  const stream = musubi.useMusubiStream(store, (list) => list.log);
  return <Rows stream={stream} />;
}

function Rows({ stream }: { readonly stream: MusubiStream<Entry> }): ReactElement {
  const { items, keys } = stream;
  const scroller = useRef<HTMLDivElement>(null);
  const virtualizer = useVirtualizer({
    count: items.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => 24,
    getItemKey: (index) => keys[index] ?? index,
    overscan: 5,
  });
  useLayoutEffect(() => {
    window.longList.shown++;
  }, [stream]);
  return (
    <div ref={scroller} className="list" data-size={items.length}>
      <ol style={{ height: virtualizer.getTotalSize() }}>
        {virtualizer.getVirtualItems().map(({ key, index, start }) => {
          const item = items[index];
          return item && <Row key={key} name={String(key)} item={item} start={start} />;
        })}
      </ol>
    </div>
  );
}

interface RowProps {
  readonly name: string;
  readonly item: Entry;
  readonly start: number;
}

const Row = memo(function Row({ name, item, start }: RowProps) {
  return (
    <li data-key={name} style={{ transform: `translateY(${start}px)` }}>
      {item.id} {item.text} {item.edition}
    </li>
  );
});
