import { type ReactElement, Suspense, useMemo } from "react";
import type { MatrixStage } from "./matrix-stage.js";

/** The hooks that have a table of their own. */
export const HOOKS = ["useMusubiRoot", "useMusubiRootSuspense"] as const;
export type RootHook = (typeof HOOKS)[number];

/** Shows a room's title, a fallback until there is one; throws when its mount has failed. */
export type RoomView = (props: { readonly id?: string; readonly page?: number }) => ReactElement;

interface RoomProps {
  readonly id: string;
  readonly page: number | undefined;
}

function useParams(page: number | undefined): { readonly page?: number } {
  return useMemo(() => (page === undefined ? {} : { page }), [page]);
}

/** The room as one of the hooks reads it. */
export function createView(hook: RootHook, { Counted, Fallback, musubi }: MatrixStage): RoomView {
  function Room({ id, page }: RoomProps): ReactElement {
    const root = musubi.useMusubiRoot({ module: "Room", id, params: useParams(page) });
    const title = musubi.useMusubiSnapshot(root.store, (room) => room.title);
    if (root.status === "error") throw root.error;
    return root.status === "ready" ? <p>{title}</p> : <Fallback />;
  }

  function SuspendingRoom({ id, page }: RoomProps): ReactElement {
    const store = musubi.useMusubiRootSuspense({ module: "Room", id, params: useParams(page) });
    return <p>{musubi.useMusubiSnapshot(store, (room) => room.title)}</p>;
  }

  return ({ id = "a", page }) => (
    <Counted>
      {hook === "useMusubiRoot" ? (
        <Room id={id} page={page} />
      ) : (
        <Suspense fallback={<Fallback />}>
          <SuspendingRoom id={id} page={page} />
        </Suspense>
      )}
    </Counted>
  );
}
