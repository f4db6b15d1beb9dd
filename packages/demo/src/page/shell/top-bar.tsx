import type { Person } from "../../shared/person.js";
import { PeopleBar } from "../people/people-bar.js";
import { MarkIcon } from "./icons.js";
import { LINK_LABELS, type LinkState } from "./link-state.js";

/** What a {@link TopBar} shows. */
export interface TopBarProps {
  readonly title: string;
  readonly link: LinkState;
  /** Edits on their way. */
  readonly waiting: number;
  readonly self: Person;
  readonly others: readonly Person[];
  readonly onIntroduce: (person: Person) => void;
  readonly onWave: (person: Person) => void;
}

/** The board's name, how the page stands with the server, and who is here. */
export function TopBar({ title, link, waiting, self, others, onIntroduce, onWave }: TopBarProps) {
  return (
    <header className="top-bar">
      <MarkIcon />
      <h1 className="board-title">{title}</h1>
      <p className="link-pill" data-link={link} role="status" aria-label="Connection">
        <span className="link-dot" aria-hidden="true" />
        <span className="link-text">{link === "live" && waiting > 0 ? "Saving" : LINK_LABELS[link]}</span>
      </p>
      <PeopleBar self={self} others={others} onIntroduce={onIntroduce} onWave={onWave} />
    </header>
  );
}
