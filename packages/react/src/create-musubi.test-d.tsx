import { expectTypeOf } from "vitest";
import {
  type AsyncField,
  type CommandDef,
  createMusubi,
  type DehydratedState,
  dehydrate,
  type MusubiAsync,
  type MusubiCommandError,
  type MusubiConnection,
  type MusubiError,
  type MusubiStream,
  type MusubiUpload,
  type StoreDef,
  type StoreField,
  type StoreProxy,
  type StoreSnapshot,
  type StreamField,
  type UploadField,
} from "./index.js";

type Inline = StoreDef<{ open: boolean }, { toggle: CommandDef }>;

interface Stores {
  Room: StoreDef<
    {
      title: string;
      rows: StoreField<"Row">[];
      panel: StoreField<Inline> | null;
      log: StreamField<{ text: string }>;
      owner: AsyncField<string>;
      guest: AsyncField<StoreField<"Row">>;
      photos: UploadField;
    },
    {
      rename: CommandDef<{ title: string }, { renamed: boolean }>;
      clear: CommandDef<undefined, null>;
      list: CommandDef<{ page?: number }, string[]>;
    },
    { said: { text: string }; cleared: null },
    { page?: number }
  >;
  Row: StoreDef<{ name: string }, { vote: CommandDef<{ by: number }, { votes: number }> }>;
}

const { connect, MusubiProvider, ...hooks } = createMusubi<Stores>();
declare const connection: MusubiConnection<Stores>;
declare const socket: Parameters<typeof connect>[0];

export function Roots(): null {
  const root = hooks.useMusubiRoot({ module: "Room", id: "a", params: { page: 1 }, keepPreviousData: true });
  expectTypeOf(root.status).toEqualTypeOf<"idle" | "loading" | "error" | "ready">();
  expectTypeOf(root.store).toEqualTypeOf<StoreProxy<"Room", Stores> | undefined>();
  if (root.status === "ready") {
    expectTypeOf(root.store).toEqualTypeOf<StoreProxy<"Room", Stores>>();
    expectTypeOf(root.isFetching).toEqualTypeOf<boolean>();
    expectTypeOf(root.isStale).toEqualTypeOf<boolean>();
    expectTypeOf(root.revalidationError).toEqualTypeOf<MusubiError | undefined>();
  }
  if (root.status === "error") {
    expectTypeOf(root.error).toEqualTypeOf<MusubiError>();
    expectTypeOf(root.retry).toEqualTypeOf<() => void>();
    expectTypeOf(root.previous).toEqualTypeOf<StoreProxy<"Room", Stores> | undefined>();
  }
  // @ts-expect-error a module that the registry does not have
  hooks.useMusubiRoot({ module: "Rooms", id: "a" });
  // @ts-expect-error params of the wrong type
  hooks.useMusubiRoot({ module: "Room", id: "a", params: { page: "1" } });
  // @ts-expect-error no id
  hooks.useMusubiRoot({ module: "Room" });
  return null;
}

export function Snapshots({ room }: { room: StoreProxy<"Room", Stores> }): null {
  const maybe = hooks.useMusubiRoot({ module: "Room", id: "a" }).store;
  expectTypeOf(hooks.useMusubiSnapshot(room)).toEqualTypeOf<StoreSnapshot<"Room", Stores>>();
  expectTypeOf(hooks.useMusubiSnapshot(maybe)).toEqualTypeOf<StoreSnapshot<"Room", Stores> | undefined>();
  expectTypeOf(hooks.useMusubiSnapshot(room, (snapshot) => snapshot.title)).toEqualTypeOf<string>();
  expectTypeOf(hooks.useMusubiSnapshot(maybe, (snapshot) => snapshot.title)).toEqualTypeOf<string | undefined>();
  expectTypeOf(hooks.useMusubiSnapshot(room, (snapshot) => snapshot.log)).toEqualTypeOf<readonly { text: string }[]>();
  expectTypeOf(hooks.useMusubiSnapshot(room, (snapshot) => snapshot.owner.data)).toEqualTypeOf<string | null>();

  const rows = hooks.useMusubiSnapshot(room, (_, proxy) => proxy.rows);
  expectTypeOf(rows).toEqualTypeOf<readonly StoreProxy<"Row", Stores>[]>();
  expectTypeOf(hooks.useMusubiSnapshot(rows[0], (row) => row.name)).toEqualTypeOf<string | undefined>();

  const panel = hooks.useMusubiSnapshot(room, (_, proxy) => proxy.panel);
  expectTypeOf(hooks.useMusubiSnapshot(panel ?? undefined, (inline) => inline.open)).toEqualTypeOf<
    boolean | undefined
  >();

  hooks.useMusubiSnapshot(
    room,
    (snapshot) => snapshot.title,
    (a, b) => a.length === b.length,
  );
  // @ts-expect-error a field that the store does not have
  hooks.useMusubiSnapshot(room, (snapshot) => snapshot.titel);
  const isSameNumber = (a: number, b: number): boolean => a === b;
  // @ts-expect-error an equality of another type
  hooks.useMusubiSnapshot(room, (snapshot) => snapshot.title, isSameNumber);
  // @ts-expect-error a snapshot is no store
  hooks.useMusubiSnapshot(hooks.useMusubiSnapshot(room));
  return null;
}

export function Suspending({ room }: { room: StoreProxy<"Room", Stores> }): null {
  expectTypeOf(hooks.useMusubiRootSuspense({ module: "Room", id: "a", params: { page: 1 } })).toEqualTypeOf<
    StoreProxy<"Room", Stores>
  >();
  // @ts-expect-error a module that the registry does not have
  hooks.useMusubiRootSuspense({ module: "Rooms", id: "a" });
  // @ts-expect-error one that suspends cannot be left out
  hooks.useMusubiRootSuspense({ module: "Room", id: "a", enabled: false });
  // @ts-expect-error params of the wrong type
  hooks.useMusubiRootSuspense({ module: "Room", id: "a", params: { page: "1" } });

  expectTypeOf(hooks.useMusubiSnapshotSuspense(room)).toEqualTypeOf<StoreSnapshot<"Room", Stores>>();
  expectTypeOf(hooks.useMusubiSnapshotSuspense(room, (snapshot) => snapshot.title)).toEqualTypeOf<string>();
  const maybe = hooks.useMusubiRoot({ module: "Room", id: "a" }).store;
  // @ts-expect-error there is nothing to wait for without a store
  hooks.useMusubiSnapshotSuspense(maybe);

  expectTypeOf(hooks.useMusubiAsync(room, (snapshot) => snapshot.owner)).toEqualTypeOf<MusubiAsync<string>>();
  expectTypeOf(hooks.useMusubiAsync(room, (_, proxy) => proxy.guest).data).toEqualTypeOf<StoreProxy<"Row", Stores>>();
  // @ts-expect-error a field that is no async value
  hooks.useMusubiAsync(room, (snapshot) => snapshot.title);
  // @ts-expect-error there is nothing to wait for without a store
  hooks.useMusubiAsync(maybe, (snapshot: StoreSnapshot<"Room", Stores>) => snapshot.owner);
  return null;
}

export function Streams({ room }: { room: StoreProxy<"Room", Stores> | undefined }): null {
  const { items, keys } = hooks.useMusubiStream(room, (snapshot) => snapshot.log);
  expectTypeOf(items).toEqualTypeOf<readonly { text: string }[]>();
  expectTypeOf(keys).toEqualTypeOf<readonly string[]>();
  expectTypeOf(hooks.useMusubiStream(room, (_, proxy) => proxy.log)).toEqualTypeOf<MusubiStream<{ text: string }>>();
  // @ts-expect-error a field that is no stream
  hooks.useMusubiStream(room, (snapshot) => snapshot.title);
  // @ts-expect-error no selector
  hooks.useMusubiStream(room);
  return null;
}

export function Events({ room }: { room: StoreProxy<"Room", Stores> | undefined }): null {
  hooks.useMusubiEvent(room, "said", (payload) => expectTypeOf(payload).toEqualTypeOf<{ text: string }>());
  hooks.useMusubiEvent(room, "cleared", () => {});
  // @ts-expect-error an event that the store does not have
  hooks.useMusubiEvent(room, "shouted", () => {});
  // @ts-expect-error a handler of another payload
  hooks.useMusubiEvent(room, "said", (payload: { words: string }) => payload);
  return null;
}

export function Uploads({ room }: { room: StoreProxy<"Room", Stores> }): null {
  expectTypeOf(hooks.useMusubiUpload(room.photos)).toEqualTypeOf<MusubiUpload>();
  const maybe = hooks.useMusubiRoot({ module: "Room", id: "a" }).store;
  expectTypeOf(hooks.useMusubiUpload(maybe?.photos)).toEqualTypeOf<MusubiUpload | undefined>();
  // @ts-expect-error no upload slot
  hooks.useMusubiUpload(room.title);
  // @ts-expect-error a view is no handle
  hooks.useMusubiUpload(hooks.useMusubiUpload(room.photos));
  return null;
}

export function Commands({ room }: { room: StoreProxy<"Room", Stores> }): null {
  const rename = hooks.useMusubiCommand(room, "rename", { timeoutMs: 1_000 });
  expectTypeOf(rename.dispatch({ title: "x" })).resolves.toEqualTypeOf<{ renamed: boolean }>();
  expectTypeOf(rename.data).toEqualTypeOf<{ renamed: boolean } | undefined>();
  expectTypeOf(rename.error).toEqualTypeOf<MusubiCommandError | undefined>();
  expectTypeOf(rename.isPending).toEqualTypeOf<boolean>();
  void rename.dispatch({ title: "x" }, { whenOffline: "reject" });
  void hooks.useMusubiCommand(room, "clear").dispatch();
  void hooks.useMusubiCommand(room, "list").dispatch();
  void hooks.useMusubiCommand(room, "list").dispatch({ page: 1 });
  expectTypeOf(hooks.useMusubiCommand(room.rows[0], "vote").data).toEqualTypeOf<{ votes: number } | undefined>();
  expectTypeOf(hooks.useMusubiCommand(room.panel ?? undefined, "toggle").data).toEqualTypeOf<unknown>();

  // @ts-expect-error a command that the store does not have
  hooks.useMusubiCommand(room, "renam");
  // @ts-expect-error a command of another store
  hooks.useMusubiCommand(room, "vote");
  // @ts-expect-error a payload of the wrong type
  void rename.dispatch({ title: 1 });
  // @ts-expect-error no payload
  void rename.dispatch();
  return null;
}

export function Connections(): null {
  expectTypeOf(hooks.useMusubiConnection()).toEqualTypeOf<MusubiConnection<Stores>>();
  const { state, connection: current, error } = hooks.useMusubiConnectionStatus();
  expectTypeOf(state).toEqualTypeOf<"connecting" | "ready" | "reconnecting" | "error" | "closed">();
  expectTypeOf(current).toEqualTypeOf<MusubiConnection<Stores>>();
  expectTypeOf(error).toEqualTypeOf<MusubiError | undefined>();
  expectTypeOf(connect(socket)).resolves.toEqualTypeOf<MusubiConnection<Stores>>();
  return null;
}

// @ts-expect-error a socket is no connection
dehydrate(socket);

export const providers = [
  <MusubiProvider key="1" socket={socket} topic="app:1" commandTimeoutMs={1_000} />,
  <MusubiProvider key="2" socket={null} />,
  <MusubiProvider key="3" connection={connection} />,
  <MusubiProvider key="3a" connection={connection} dehydratedState={dehydrate(connection)} />,
  <MusubiProvider key="3b" socket={null} dehydratedState={{} as DehydratedState} />,
  // @ts-expect-error a state that is none
  <MusubiProvider key="3c" socket={null} dehydratedState={{ roots: {} }} />,
  // @ts-expect-error both
  <MusubiProvider key="4" connection={connection} socket={socket} />,
  // @ts-expect-error neither
  <MusubiProvider key="5" />,
  // @ts-expect-error options of a connection that was opened by somebody else
  <MusubiProvider key="6" connection={connection} topic="app:1" />,
];
