import { act, render } from "@testing-library/react";
import { type ReactElement, type ReactNode, StrictMode, useEffect } from "react";
import { renderToString } from "react-dom/server";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { createMusubi, type MusubiConnection, type MusubiConnectionStatus, type SocketLike } from "./index.js";
import { App, GRACE_MS, type Stores, until } from "./musubi-app.test.util.js";

let app: App;
/** What {@link Status} showed. */
const statuses: MusubiConnectionStatus<MusubiConnection<Stores>>[] = [];
const latest = (): MusubiConnectionStatus<MusubiConnection<Stores>> => {
  const status = statuses.at(-1);
  if (status === undefined) throw new Error("no component has rendered");
  return status;
};

beforeEach(() => {
  app = new App();
  statuses.length = 0;
});

afterEach(async () => {
  await app.end();
});

function Status(): ReactElement {
  const status = app.musubi.useMusubiConnectionStatus();
  statuses.push(status);
  return (
    <b>
      {status.state}
      {status.error === undefined ? "" : ` ${status.error.code}`}
    </b>
  );
}

function Room({ id = "a" }: { id?: string }): ReactElement {
  const root = app.musubi.useMusubiRoot({ module: "Room", id });
  const title = app.musubi.useMusubiSnapshot(root.store, (snapshot) => snapshot.title);
  if (root.status === "error") return <button onClick={root.retry}>{root.error.code}</button>;
  return <i>{title ?? root.status}</i>;
}

const text = (): string => document.body.textContent ?? "";
const showing = (expected: string): Promise<void> => until(() => expect(text()).toBe(expected));

/** The app under a provider with any props. */
const provide = (props: object, children: ReactNode = [<Status key="1" />, <Room key="2" />]): ReactElement => {
  const Provider = app.musubi.MusubiProvider as (props: object) => ReactElement;
  return (
    <Provider {...app.options} {...props}>
      {children}
    </Provider>
  );
};

describe("a provider that is given a socket", () => {
  test("react.md 2: opens the socket, connects, and shows how that stands", async () => {
    app.render([<Status key="1" />, <Room key="2" />]);
    expect(text()).toBe("connectingloading");
    await showing("readyroom a");
    app.server.accepting = false;
    act(() => app.server.cut());
    await showing("reconnectingroom a");
    app.server.accepting = true;
    await showing("readyroom a");
  });

  test("react.md 2: releases the connection a grace after it has gone, after the unmount", async () => {
    const { unmount } = app.render(<Room />);
    await showing("room a");
    unmount();
    app.advance(GRACE_MS - 1);
    await app.settle();
    expect([app.count("unmount"), app.count("phx_leave")]).toEqual([0, 0]);
    app.advance(1);
    await until(() => expect(app.count("phx_leave")).toBe(1));
    expect(app.count("unmount")).toBe(1);
  });

  test("react.md 1: StrictMode and a provider that is mounted anew within the grace join once", async () => {
    const first = render(<StrictMode>{provide({ socket: app.socket })}</StrictMode>);
    await showing("readyroom a");
    first.unmount();
    app.advance(GRACE_MS - 1);
    render(<StrictMode>{provide({ socket: app.socket })}</StrictMode>);
    expect(text()).toBe("readyroom a");
    app.advance(GRACE_MS);
    await app.settle();
    expect([app.count("phx_join"), app.count("mount"), app.count("unmount"), app.count("phx_leave")]).toEqual([
      1, 1, 0, 0,
    ]);
  });

  test("react.md 2: two providers over one socket share the connection; the last one releases it", async () => {
    const first = render(provide({ socket: app.socket }));
    const second = render(provide({ socket: app.socket }));
    await until(() => expect(text()).toBe("readyroom areadyroom a"));
    first.unmount();
    app.advance(GRACE_MS);
    await app.settle();
    expect([app.count("mount"), app.count("unmount"), app.count("phx_leave")]).toEqual([1, 0, 0]);
    second.unmount();
    app.advance(GRACE_MS);
    await until(() => expect(app.count("phx_leave")).toBe(1));
  });

  test("react.md 2: mounted again after the release, it joins again", async () => {
    const { show } = app.render(null);
    await until(() => expect(app.count("phx_join")).toBe(1));
    show(<Room />);
    await showing("room a");
  });

  test("react.md 2: another socket is switched to once it has stayed for the grace; the old one is released", async () => {
    const { rerender } = render(provide({ socket: app.socket }));
    await showing("readyroom a");
    app.server.store("Room", () => ({ title: "through the other", rows: [] }));
    rerender(provide({ socket: app.createSocket() }));
    expect(text()).toBe("readyroom a");
    app.advance(GRACE_MS);
    expect(text()).toBe("connectingloading");
    await showing("readythrough the other");
    app.advance(GRACE_MS);
    await until(() => expect([app.count("phx_join"), app.count("phx_leave")]).toEqual([2, 1]));
    expect(app.logger.warn).not.toHaveBeenCalled();
  });

  test("react.md 2: another socket is switched to when the next commit has it as well", async () => {
    const { rerender } = render(provide({ socket: app.socket }));
    await showing("readyroom a");
    const other = app.createSocket();
    rerender(provide({ socket: other }));
    rerender(provide({ socket: other }));
    expect(text()).toBe("connectingloading");
    await showing("readyroom a");
  });

  test("react.md 2 and 9: a socket made by each render: the first is kept, and one warning says what to do", async () => {
    const { rerender } = render(provide({ socket: app.socket }));
    await showing("readyroom a");
    for (let count = 0; count < 5; count++) rerender(provide({ socket: app.createSocket() }));
    app.advance(GRACE_MS);
    await app.settle();
    expect(text()).toBe("readyroom a");
    expect([app.count("phx_join"), app.count("mount")]).toEqual([1, 1]);
    expect(app.logger.warn).toHaveBeenCalledExactlyOnceWith(
      "MusubiProvider gets another socket with every render, so it keeps the first. Make the socket outside of the component, or keep it with useState(() => new Socket(...)).",
    );
    app.advance(1_000);
    await showing("readyroom a");
    expect(app.count("phx_join")).toBe(2);
  });

  test("react.md: no socket yet: connecting and loading; then it connects at once", async () => {
    const { rerender } = render(provide({ socket: null }));
    expect(text()).toBe("connectingloading");
    expect(() => latest().connection.openRoot({ module: "Room", id: "a" })).toThrow(/There is no connection yet/);
    rerender(provide({ socket: app.socket }));
    await showing("readyroom a");
    rerender(provide({ socket: null }));
    expect(text()).toBe("connectingloading");
  });

  test("react.md 7: renders on a server: connecting, loading, and nothing is opened", () => {
    expect(renderToString(provide({ socket: app.socket }))).toBe("<b>connecting</b><i>loading</i>");
    expect(renderToString(provide({ socket: null }))).toBe("<b>connecting</b><i>loading</i>");
    expect(app.server.connections).toBe(0);
  });

  test("client.md 3: a refused join is an error with its reason; a retry of a root joins again", async () => {
    app.server.intercept("phx_join", (message) => app.server.reply(message, "error", { reason: "unauthorized" }));
    const { getByRole } = app.render([<Status key="1" />, <Room key="2" />]);
    await showing("error join_refusedjoin_refused");
    expect(latest().error?.message).toContain("unauthorized");
    await app.settle();
    expect(app.count("phx_join")).toBe(1);
    app.server.intercept("phx_join", (_message, proceed) => proceed());
    act(() => getByRole("button").click());
    await showing("readyroom a");
    expect(app.count("phx_join")).toBe(2);
  });

  test("client.md 3: a provider that is mounted anew after a refusal joins again", async () => {
    app.server.intercept("phx_join", (message) => app.server.reply(message, "error", { reason: "unauthorized" }));
    const first = render(provide({ socket: app.socket }));
    await showing("error join_refusedjoin_refused");
    first.unmount();
    app.server.intercept("phx_join", (_message, proceed) => proceed());
    render(provide({ socket: app.socket }));
    await showing("readyroom a");
    expect(app.count("phx_join")).toBe(2);
  });

  test("react.md: its connection is one like any other, for what hooks do not do", async () => {
    let title: string | undefined;
    function Peek(): null {
      const connection = app.musubi.useMusubiConnection();
      useEffect(() => {
        void connection.mountStore({ module: "Room", id: "b" }).then(async (mounted) => {
          title = mounted.store.title;
          await mounted.unmount();
        });
      }, [connection]);
      return null;
    }
    app.render(<Peek />);
    await until(() => expect(title).toBe("room b"));
    app.advance(GRACE_MS);
    await until(() => expect(app.count("unmount")).toBe(1));
    expect(app.count("phx_join")).toBe(1);
  });

  test("react.md: disconnected by the app, roots keep their last state and say that it is stale", async () => {
    app.render([<Status key="1" />, <Room key="2" />]);
    await showing("readyroom a");
    await act(() => latest().connection.disconnect());
    expect(text()).toBe("closedroom a");
    await until(() => expect(app.count("phx_leave")).toBe(1));
  });

  test("react.md: topic leads to another channel of the same socket", async () => {
    const { unmount } = render(provide({ socket: app.socket, topic: "app:1" }, null));
    await until(() => expect(app.server.received[0]).toMatchObject({ topic: "app:1", event: "phx_join" }));
    unmount();
  });
});

describe("a provider that is given a connection", () => {
  test("react.md 2: uses it and leaves closing it to the app", async () => {
    const connection = await app.musubi.connect(app.socket, app.options);
    const { unmount } = render(
      <app.musubi.MusubiProvider connection={connection}>
        <Status />
        <Room />
      </app.musubi.MusubiProvider>,
    );
    expect(text()).toBe("readyloading");
    expect(latest().connection).toBe(connection);
    await showing("readyroom a");
    unmount();
    app.advance(GRACE_MS);
    await until(() => expect(app.count("unmount")).toBe(1));
    await app.settle();
    expect(app.count("phx_leave")).toBe(0);
    expect(connection.status.current).toBe("ready");
    await connection.disconnect();
    await until(() => expect(app.count("phx_leave")).toBe(1));
  });

  test("react.md 2: shares roots with what the app mounted through it", async () => {
    const connection = await app.musubi.connect(app.socket, app.options);
    const { store, unmount } = await connection.mountStore({ module: "Room", id: "a" });
    const shared: unknown[] = [];
    function Same(): ReactElement {
      const root = app.musubi.useMusubiRoot({ module: "Room", id: "a" });
      shared.push(root.store);
      return <i>{root.status}</i>;
    }
    render(
      <app.musubi.MusubiProvider connection={connection}>
        <Same />
      </app.musubi.MusubiProvider>,
    );
    await showing("ready");
    expect(shared.at(-1)).toBe(store);
    await unmount();
    app.advance(GRACE_MS);
    await app.settle();
    expect([app.count("mount"), app.count("unmount")]).toEqual([1, 0]);
    await connection.disconnect();
    await showing("ready");
  });
});

describe("misuse", () => {
  const thrownBy = (node: ReactNode): unknown => {
    app.consoleError.mockImplementation(() => {});
    let thrown: unknown;
    try {
      render(node);
    } catch (error) {
      thrown = error;
    }
    app.consoleError.mockClear();
    return thrown;
  };

  test.each([
    ["neither", {}],
    ["both", { socket: {} as SocketLike, connection: {} }],
  ])("react.md 9: %s of connection and socket", (got, props) => {
    expect(thrownBy(provide(props))).toMatchObject({
      name: "MusubiError",
      code: "invalid_usage",
      message: `MusubiProvider takes either a connection or a socket, and got ${got}. Give it a socket that is made outside of the component (null while there is none yet), or a connection from connect(socket).`,
    });
  });

  test("react.md 9: a hook outside of the provider says which, and what to put where", () => {
    expect(thrownBy(<Room />)).toMatchObject({
      code: "invalid_usage",
      message:
        "useMusubiRoot was called outside of its MusubiProvider. Put <MusubiProvider socket={socket}> around the component, from the same createMusubi() as the hook.",
    });
    expect(thrownBy(<Status />)).toMatchObject({
      message: expect.stringMatching(/^useMusubiConnectionStatus was called outside/),
    });
  });

  test("react.md 9: a hook that suspends says so as well, instead of suspending", () => {
    function Suspending(): ReactElement {
      return <>{app.musubi.useMusubiRootSuspense({ module: "Room", id: "a" }).title}</>;
    }
    expect(thrownBy(<Suspending />)).toMatchObject({
      message: expect.stringMatching(/^useMusubiRootSuspense was called outside/),
    });
  });

  test("react.md 9: the provider of another createMusubi does not count", () => {
    const other = createMusubi<Stores>();
    const node = (
      <other.MusubiProvider socket={null}>
        <Room />
      </other.MusubiProvider>
    );
    expect(thrownBy(node)).toMatchObject({ code: "invalid_usage" });
  });
});
