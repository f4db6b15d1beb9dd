import type { Logger } from "../logger.js";

/** Undoes a subscription; further calls do nothing. */
export type Unsubscribe = () => void;

/** Messages by topic between everything in this process (and, with an adapter, between processes). */
export interface PubSub {
  /** Hands `message` to every subscriber of `topic`, synchronously and in order of subscription. */
  publish(topic: string, message: unknown): void;
  /** Calls `listener` for each message on `topic`; one that throws is logged and stops nobody. */
  subscribe(topic: string, listener: (message: unknown) => void): Unsubscribe;
}

/** PubSub within this process. */
export function createPubSub(logger: Logger): PubSub {
  const topics = new Map<string, Set<(message: unknown) => void>>();
  const pubsub: PubSub = {
    publish(topic, message) {
      // A copy: who subscribes while this is told hears only what comes later.
      const listeners = [...(topics.get(topic) ?? [])];
      for (const listener of listeners) {
        try {
          listener(message);
        } catch (cause) {
          logger.error({ err: cause, topic }, "a PubSub listener threw");
        }
      }
    },
    subscribe(topic, listener) {
      const listeners = topics.get(topic) ?? new Set();
      topics.set(topic, listeners);
      // A wrapper gives each subscription an identity of its own, so that one function can subscribe twice.
      const own = (message: unknown): void => listener(message);
      listeners.add(own);
      return () => {
        listeners.delete(own);
        if (listeners.size === 0 && topics.get(topic) === listeners) topics.delete(topic);
      };
    },
  };
  inProcess.add(pubsub);
  return pubsub;
}

const inProcess = new WeakSet<PubSub>();

/** Whether this one reaches no other process. */
export function isInProcess(pubsub: PubSub): boolean {
  return inProcess.has(pubsub);
}
