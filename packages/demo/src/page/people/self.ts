import { HUES, type Hue, type Person } from "../../shared/person.js";
import { randomId } from "../random-id.js";

const MANNERS = ["Quiet", "Brisk", "Sunny", "Patient", "Nimble", "Mellow", "Curious", "Steady", "Bright", "Gentle"];
const CREATURES = ["Heron", "Otter", "Finch", "Badger", "Swift", "Hare", "Lynx", "Wren", "Marten", "Crane"];

/** Who sits behind this tab, and where that is kept. */
export interface Self {
  readonly person: Person;
  /** Changes name or colour, now and for the next visit. */
  change(introduction: Pick<Person, "name" | "hue">): void;
}

/**
 * Who sits behind this tab. Tabs share one `localStorage`, so each takes the first free *seat* of the browser for as
 * long as it is open: whoever comes back is the same person again, and a second tab is somebody else.
 */
export async function openSelf(storage: Storage, locks: LockManager | undefined): Promise<Self> {
  const key = `musubi-demo:seat:${await takeSeat(locks)}`;
  // The id is made anew on each load: a tab without a seat of its own must not pass for another.
  let person: Person = { id: randomId(), ...(parse(storage.getItem(key)) ?? randomIntroduction()) };
  const save = (): void => storage.setItem(key, JSON.stringify({ name: person.name, hue: person.hue }));
  save();
  return {
    get person() {
      return person;
    },
    change(introduction) {
      person = { ...person, ...introduction };
      save();
    },
  };
}

/** Locks need a secure page (https or localhost); without them all tabs share the first seat. */
async function takeSeat(locks: LockManager | undefined): Promise<number> {
  if (locks === undefined) return 0;
  for (let seat = 0; seat < 32; seat += 1) {
    if (await holdLock(locks, `musubi-demo:seat:${seat}`)) return seat;
  }
  return 0;
}

/** Takes a lock for as long as the tab lives; `false` when another tab has it. */
function holdLock(locks: LockManager, name: string): Promise<boolean> {
  return new Promise((resolve) => {
    const hold = (lock: Lock | null): Promise<void> | undefined => {
      resolve(lock !== null);
      // A lock is held until its promise settles: this one never does.
      return lock === null ? undefined : new Promise(() => {});
    };
    locks.request(name, { ifAvailable: true }, hold).catch(() => resolve(false));
  });
}

function randomIntroduction(): Omit<Person, "id"> {
  return { name: `${pick(MANNERS, "Quiet")} ${pick(CREATURES, "Heron")}`, hue: pick(HUES, "slate") };
}

function pick<T>(list: readonly T[], fallback: T): T {
  return list[Math.floor(Math.random() * list.length)] ?? fallback;
}

function parse(text: string | null): Omit<Person, "id"> | undefined {
  if (text === null) return undefined;
  try {
    const { name, hue } = JSON.parse(text) as { name?: unknown; hue?: unknown };
    if (typeof name === "string" && name !== "" && isHue(hue)) return { name, hue };
  } catch {
    // Someone else wrote here: as good as nothing.
  }
  return undefined;
}

function isHue(value: unknown): value is Hue {
  return (HUES as readonly unknown[]).includes(value);
}
