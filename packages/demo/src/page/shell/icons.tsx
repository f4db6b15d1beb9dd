import type { ReactNode } from "react";

function Icon({ children }: { readonly children: ReactNode }) {
  return (
    <svg className="icon" viewBox="0 0 20 20" width="20" height="20" aria-hidden="true" focusable="false">
      {children}
    </svg>
  );
}

/** Two cords tied in a reef knot: the product's mark. */
export function MarkIcon() {
  return (
    <svg className="mark" viewBox="0 0 44 28" width="44" height="28" aria-hidden="true" focusable="false">
      <path className="mark-b" d="M42 7H24a7 7 0 0 0-7 7a7 7 0 0 0 7 7h18" />
      <path className="mark-halo" d="M2 7h18a7 7 0 0 1 7 7M27 14a7 7 0 0 1-7 7H2" />
      <path className="mark-a" d="M2 7h18a7 7 0 0 1 7 7a7 7 0 0 1-7 7H2" />
      <path className="mark-halo" d="M24 21a7 7 0 0 1-5-2" />
      <path className="mark-b" d="M31 21h-7a7 7 0 0 1-6.4-4" />
    </svg>
  );
}

export function PlusIcon() {
  return (
    <Icon>
      <path d="M10 4.5v11M4.5 10h11" />
    </Icon>
  );
}

export function MoreIcon() {
  return (
    <Icon>
      <path d="M4.5 10h.01M10 10h.01M15.5 10h.01" strokeWidth="2.6" />
    </Icon>
  );
}

const ARROWS = { up: 0, right: 90, down: 180, left: 270 } as const;

export function ArrowIcon({ to }: { readonly to: keyof typeof ARROWS }) {
  return (
    <Icon>
      <path transform={`rotate(${ARROWS[to]} 10 10)`} d="M10 16V4.5M5 9.2l5-5 5 5" />
    </Icon>
  );
}

export function PencilIcon() {
  return (
    <Icon>
      <path d="M4 16l.8-3.4L13.4 4a1.6 1.6 0 0 1 2.3 0l.3.3a1.6 1.6 0 0 1 0 2.3L7.4 15.2z" />
    </Icon>
  );
}

export function TrashIcon() {
  return (
    <Icon>
      <path d="M4 6h12M8 6V4h4v2M5.5 6l.8 10h7.4l.8-10" />
    </Icon>
  );
}

export function BoardIcon() {
  return (
    <Icon>
      <path d="M4.5 3.5v13M10 3.5v8M15.5 3.5v11" />
    </Icon>
  );
}

export function ClockIcon() {
  return (
    <Icon>
      <circle cx="10" cy="10" r="6.5" />
      <path d="M10 6.5V10l2.5 1.8" />
    </Icon>
  );
}

export function ChartIcon() {
  return (
    <Icon>
      <path d="M4.5 16v-5M10 16V4M15.5 16V8" />
    </Icon>
  );
}

export function ClipIcon() {
  return (
    <Icon>
      <path d="M14.5 9.2l-5.4 5.4a3 3 0 0 1-4.3-4.3l6-6a2 2 0 0 1 2.9 2.9l-5.8 5.8a1 1 0 0 1-1.5-1.5l4.9-4.8" />
    </Icon>
  );
}

export function CloseIcon() {
  return (
    <Icon>
      <path d="M5.5 5.5l9 9M14.5 5.5l-9 9" />
    </Icon>
  );
}

export function FileIcon() {
  return (
    <Icon>
      <path d="M6 3.5h5l3.5 3.5v9.5H6zM11 3.5V7h3.5" />
    </Icon>
  );
}
