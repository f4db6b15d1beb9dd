import type { TransportConstructor } from "../memory-transport.js";

/** Who hears of everything at the client's end of a transport. */
export interface TransportWatch {
  /** The client sends a frame. */
  sending(text: string): void;
  /** A frame arrives; `deliver` hands it to phoenix.js, and with it to everything above. */
  receiving(text: string, deliver: () => void): void;
  /** The connection has ended, or never came about; `deliver` tells phoenix.js. */
  closing(deliver: () => void, wasOpen: boolean): void;
  /** A callback of the socket threw. */
  threw(error: unknown): void;
}

type Callback = (event: unknown) => void;

/** The same transport, with somebody who watches what passes at the client's end, in the client's order. */
export function watchTransport(transport: TransportConstructor, watch: TransportWatch): TransportConstructor {
  const guard = (deliver: () => void): void => {
    try {
      deliver();
    } catch (error) {
      watch.threw(error);
    }
  };
  return new Proxy(transport, {
    construct(target, args: [string]) {
      const instance = new target(...args);
      let wasOpen = false;
      const send = instance.send.bind(instance);
      instance.send = (data) => {
        if (typeof data === "string" && instance.readyState === 1) watch.sending(data);
        send(data);
      };
      wrap(instance, "onopen", (callback, event) => {
        wasOpen = true;
        guard(() => callback(event));
      });
      wrap(instance, "onerror", (callback, event) => guard(() => callback(event)));
      wrap(instance, "onclose", (callback, event) => watch.closing(() => guard(() => callback(event)), wasOpen));
      wrap(instance, "onmessage", (callback, event) => {
        watch.receiving((event as { data: string }).data, () => guard(() => callback(event)));
      });
      return instance;
    },
  });
}

const nothing: Callback = () => {};

/** Whatever phoenix.js sets as this callback is called through `through`. */
function wrap(instance: object, name: string, through: (callback: Callback, event: unknown) => void): void {
  let current: Callback = nothing;
  Object.defineProperty(instance, name, {
    get: () => (event: unknown) => through(current, event),
    set: (callback: Callback) => {
      current = callback;
    },
  });
}
