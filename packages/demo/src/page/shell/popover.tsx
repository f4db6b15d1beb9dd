import { type ReactNode, type ToggleEvent, useId, useRef } from "react";

/** What a {@link Popover} shows and where it hangs. */
export interface PopoverProps {
  /** The button's accessible name. */
  readonly label: string;
  readonly buttonClass: string;
  readonly button: ReactNode;
  /** Gets a function that closes the panel. */
  readonly children: (close: () => void) => ReactNode;
}

/** A button with a panel in the browser's top layer: Escape and a press outside close it, nothing clips it. */
export function Popover({ label, buttonClass, button, children }: PopoverProps) {
  const id = useId();
  const anchor = useRef<HTMLButtonElement>(null);
  const panel = useRef<HTMLDivElement>(null);

  const onToggle = (event: ToggleEvent<HTMLDivElement>): void => {
    if (event.newState !== "open" || anchor.current === null || panel.current === null) return;
    place(anchor.current, panel.current);
    panel.current.querySelector<HTMLElement>("input, button:not([disabled])")?.focus();
  };

  return (
    <>
      <button
        ref={anchor}
        type="button"
        className={buttonClass}
        aria-label={label}
        title={label}
        popoverTarget={id}
        data-no-drag=""
      >
        {button}
      </button>
      <div ref={panel} id={id} popover="auto" className="popover" onToggle={onToggle}>
        {children(() => panel.current?.hidePopover())}
      </div>
    </>
  );
}

const MARGIN = 8;

/** Below the button, or above it where there is more room; always inside the window. */
function place(anchor: HTMLElement, panel: HTMLElement): void {
  const from = anchor.getBoundingClientRect();
  const { width, height } = panel.getBoundingClientRect();
  const left = Math.min(from.left - 6, window.innerWidth - width - MARGIN);
  const fitsBelow = from.bottom + height + MARGIN * 2 < window.innerHeight;
  panel.style.left = `${Math.max(MARGIN, left)}px`;
  panel.style.top = `${fitsBelow ? from.bottom + 6 : Math.max(MARGIN, from.top - height - 6)}px`;
}
