import type { Person } from "../../shared/person.js";
import { Popover } from "../shell/popover.js";
import { Avatar } from "./avatar.js";
import { SelfForm } from "./self-form.js";

/** What a {@link PeopleBar} shows. */
export interface PeopleBarProps {
  readonly self: Person;
  readonly others: readonly Person[];
  readonly onIntroduce: (person: Person) => void;
  readonly onWave: (person: Person) => void;
}

/** Discs that fit; the rest is a number. */
const SHOWN = 5;

/** Who is here: the others, then you; your own disc opens your name tag. */
export function PeopleBar({ self, others, onIntroduce, onWave }: PeopleBarProps) {
  const hidden = others.slice(SHOWN);
  return (
    <div className="people">
      <ul className="people-list" aria-label="Also here">
        {others.slice(0, SHOWN).map((person) => (
          <li key={person.id} className="people-item" title={person.name} data-person={person.name}>
            <button type="button" className="wave-button" onClick={() => onWave(person)}>
              <Avatar name={person.name} hue={person.hue} />
              <span className="visually-hidden">Wave at {person.name}</span>
            </button>
          </li>
        ))}
        {hidden.length > 0 && (
          <li className="people-item people-more" title={hidden.map((person) => person.name).join(", ")}>
            +{hidden.length}
          </li>
        )}
      </ul>
      <Popover
        label={`You are ${self.name}. Change your name or colour`}
        buttonClass="self-button"
        button={
          <>
            <Avatar name={self.name} hue={self.hue} />
            <span className="self-name">{self.name}</span>
          </>
        }
      >
        {(close) => <SelfForm key={`${self.name}${self.hue}`} self={self} onSave={onIntroduce} onClose={close} />}
      </Popover>
    </div>
  );
}
