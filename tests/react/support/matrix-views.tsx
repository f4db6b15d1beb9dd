import { type ReactElement, useMemo } from "react";
import type { MatrixStage } from "./matrix-stage.js";

/** The hooks that have a table of their own. */
export const HOOKS = ["useMusubiRoot"] as const;
export type RootHook = (typeof HOOKS)[number];

/** Shows a room's title, a fallback until there is one; throws when its mount has failed. */
export type RoomView = (props: { readonly id?: string; readonly page?: number }) => ReactElement;

/** The room as one of the hooks reads it. */
export function createView(_hook: RootHook, stage: MatrixStage): RoomView {
  const { Counted, Fallback, musubi } = stage;

  function Room({ id, page }: { readonly id: string; readonly page: number | undefined }): ReactElement {
    const params = useMemo(() => (page === undefined ? {} : { page }), [page]);
    const root = musubi.useMusubiRoot({ module: "Room", id, params });
    const title = musubi.useMusubiSnapshot(root.store, (room) => room.title);
    if (root.status === "error") throw root.error;
    return root.status === "ready" ? <p>{title}</p> : <Fallback />;
  }

  return ({ id = "a", page }) => (
    <Counted>
      <Room id={id} page={page} />
    </Counted>
  );
}
