import type { Person } from "../shared/person.js";

/** Topic on which the list of people is told whenever it changes, as {@link PresentPerson}s. */
export const PEOPLE_TOPIC = "demo:people";

/** Topic on which one person is told who waves at them, as a {@link Wave}. */
export const waveTopic = (personId: string): string => `demo:wave:${personId}`;

/** Somebody waves. */
export interface Wave {
  readonly name: string;
  readonly hue: Person["hue"];
}

/** Someone who has the board open. */
export interface PresentPerson extends Person {
  /** The card that they are editing, if any. */
  readonly editing: string | null;
}

interface Entry {
  person: PresentPerson;
  /** Roots that hold this person here: one a page, two for a moment when a page comes back. */
  holders: number;
}

/**
 * Who is here, in the order of arrival. Lives in this process alone: it says who is connected to it now, and there
 * is nothing in that to keep.
 */
export class People {
  readonly #publish: (topic: string, message: unknown) => void;
  readonly #entries = new Map<string, Entry>();

  constructor(publish: (topic: string, message: unknown) => void) {
    this.#publish = publish;
  }

  /** Everyone who is here. */
  list(): readonly PresentPerson[] {
    return Array.from(this.#entries.values(), (entry) => entry.person);
  }

  /** Adds a person, or one more hold on one who is here. Undone by {@link leave}. */
  join(person: Person): void {
    const entry = this.#entries.get(person.id);
    if (entry === undefined) this.#entries.set(person.id, { person: { ...person, editing: null }, holders: 1 });
    else entry.holders += 1;
    this.#tell();
  }

  /** Gives one hold back; the last one takes the person off the list. */
  leave(personId: string): void {
    const entry = this.#entries.get(personId);
    if (entry === undefined) return;
    entry.holders -= 1;
    if (entry.holders === 0) this.#entries.delete(personId);
    this.#tell();
  }

  /** Changes what a person is called, or what they are doing. Someone who has left stays away. */
  change(personId: string, change: Partial<Pick<PresentPerson, "name" | "hue" | "editing">>): void {
    const entry = this.#entries.get(personId);
    if (entry === undefined) return;
    entry.person = { ...entry.person, ...change };
    this.#tell();
  }

  /** The person by the name they go by now, which may have changed since they connected. */
  current(person: Person): Person {
    return this.#entries.get(person.id)?.person ?? person;
  }

  #tell(): void {
    this.#publish(PEOPLE_TOPIC, this.list());
  }
}
