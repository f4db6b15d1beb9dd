import { useEffect, useSyncExternalStore } from "react";

/** A short message at the foot of the page, with one thing to do about it at most. */
export interface Notice {
  readonly id: number;
  readonly text: string;
  readonly action?: { readonly label: string; readonly run: () => void };
}

/** Messages for a while, newest last. */
export class Notices {
  readonly #listeners = new Set<() => void>();
  #current: readonly Notice[] = [];
  #lastId = 0;

  get current(): readonly Notice[] {
    return this.#current;
  }

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  add(text: string, action?: Notice["action"]): void {
    this.#lastId += 1;
    const notice = { id: this.#lastId, text, ...(action && { action }) };
    // More than three at once is noise: the oldest gives way.
    this.#change([...this.#current, notice].slice(-3));
  }

  dismiss(id: number): void {
    this.#change(this.#current.filter((notice) => notice.id !== id));
  }

  #change(notices: readonly Notice[]): void {
    this.#current = notices;
    for (const listener of Array.from(this.#listeners)) listener();
  }
}

const SHOWN_MS = 6_000;

/** The messages, for eyes and screen readers. */
export function NoticeList({ notices }: { readonly notices: Notices }) {
  const current = useSyncExternalStore(notices.subscribe, () => notices.current);
  return (
    <div className="notices" role="status" aria-live="polite">
      {current.map((notice) => (
        <NoticeItem key={notice.id} notice={notice} onDismiss={() => notices.dismiss(notice.id)} />
      ))}
    </div>
  );
}

function NoticeItem({ notice, onDismiss }: { readonly notice: Notice; readonly onDismiss: () => void }) {
  useEffect(() => {
    const timer = setTimeout(onDismiss, SHOWN_MS);
    return () => clearTimeout(timer);
    // The time counts from the notice's arrival, not from the latest render.
    // oxlint-disable-next-line react/exhaustive-deps
  }, [notice.id]);
  return (
    <p className="notice">
      <span>{notice.text}</span>
      {notice.action && (
        <button
          type="button"
          className="notice-action"
          onClick={() => {
            notice.action?.run();
            onDismiss();
          }}
        >
          {notice.action.label}
        </button>
      )}
    </p>
  );
}
