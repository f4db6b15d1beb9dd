import type { AnyRegistry, ConnectOptions } from "@musubi/client";
import type { MusubiProviderProps } from "@musubi/react";
import { type RenderOptions, type RenderResult, render } from "@testing-library/react";
import type { FunctionComponent, ReactElement, ReactNode } from "react";
import { FakeClock } from "../fake-clock.js";
import { createTestServer, type TestServer, type TestServerOptions } from "../model/test-server.js";
import { createSettle, turns } from "./create-settle.js";
import { Lifetime } from "./lifetime.js";

/** What a tree is rendered with. */
export interface RenderMusubiOptions<R> extends Omit<TestServerOptions<R>, "settle"> {
  /** What the app made with `createMusubi`: its hooks look for this provider. */
  readonly musubi: { readonly MusubiProvider: (props: MusubiProviderProps<R>) => ReactElement };
  /** Renders in React's StrictMode; default what Testing Library is configured to. */
  readonly strict?: boolean;
  /** As the provider's. Clock and random numbers are the test's own unless they are given. */
  readonly connect?: ConnectOptions;
  /** What else goes around the tree, inside of the provider, such as a router. */
  readonly wrapper?: FunctionComponent<{ readonly children: ReactNode }>;
  /** As those of Testing Library's `render`. */
  readonly render?: Omit<RenderOptions, "wrapper" | "queries" | "reactStrictMode">;
}

/** A rendered tree and the server behind it. */
export interface MusubiRender<R> extends RenderResult {
  /** What its promises change has been rendered when they resolve. */
  readonly server: TestServer<R>;
  /** Time as Musubi sees it: graces, time-outs, back-off. It stands still until `advance`. */
  readonly clock: FakeClock;
  /** Lets Musubi's time go on, and renders what comes of it. */
  readonly advance: (byMs: number) => Promise<void>;
  /** Runs `work`, such as a click, and renders what it and the server's answers bring about. */
  readonly settle: (work?: () => unknown) => Promise<void>;
}

/** More than any grace or wait that a tree leaves behind when it is unmounted, in milliseconds. */
const AFTERLIFE_MS = 60_000;
/**
 * Renders a tree below a Musubi provider that is connected to a server of plain states. Resolves when every root that
 * the tree asked for was answered and shown.
 *
 * Unmounting the tree (`unmount`, or Testing Library's `cleanup`) ends the connection and the server.
 */
export async function renderWithMusubi<R = AnyRegistry>(
  ui: ReactNode,
  options: RenderMusubiOptions<R>,
): Promise<MusubiRender<R>> {
  const { musubi, strict, connect = {}, wrapper: Outer, render: renderOptions, ...serverOptions } = options;
  const clock = new FakeClock();
  const settle = createSettle(() => server.scripted.received.length);
  const server = createTestServer<R>({ ...serverOptions, settle: () => settle() });
  const socket = server.createSocket();
  const end = (): void => {
    clock.advance(AFTERLIFE_MS);
    // The channel's leave is on its way.
    turns().then(
      () => server.close(),
      () => {},
    );
  };
  const Provider = musubi.MusubiProvider;
  const around = (children: ReactNode): ReactElement => {
    const inner = Outer === undefined ? children : <Outer>{children}</Outer>;
    return (
      <Provider clock={clock} random={half} {...connect} socket={socket}>
        {inner}
        <Lifetime onEnd={end} />
      </Provider>
    );
  };
  const wrapper: FunctionComponent<{ readonly children: ReactNode }> = ({ children }) => around(children);
  // React runs effects twice only for a StrictMode that is the outermost of what is rendered first.
  const result = render(ui, {
    ...renderOptions,
    wrapper,
    ...(strict === undefined ? {} : { reactStrictMode: strict }),
  });
  await settle();
  return { ...result, server, clock, settle, advance: (byMs) => settle(() => clock.advance(byMs)) };
}

const half = (): number => 0.5;
