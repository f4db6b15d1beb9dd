import { useCallback, useEffect, useMemo, useRef, useState } from "react";
import type { Person } from "../../shared/person.js";
import type { CardGuest } from "../board/board-actions.js";
import { useMusubiCommand, useMusubiEvent, useMusubiRoot, useMusubiSnapshot } from "../musubi.js";
import type { Notices } from "../shell/notices.js";
import type { Self } from "./self.js";

/** Who is here, and what this page says of its own person. */
export interface PeopleState {
  readonly self: Person;
  readonly others: readonly Person[];
  /** Who else edits a card, by the card's id. */
  readonly guests: ReadonlyMap<string, CardGuest>;
  readonly introduce: (person: Person) => void;
  readonly setEditing: (cardId: string | null) => void;
  readonly wave: (person: Person) => void;
}

/** Mounts the list of people: for as long as it is mounted, this page is on it. */
export function usePeople(seat: Self, notices: Notices): PeopleState {
  const root = useMusubiRoot({ module: "Demo.People", id: "here" });
  const store = root.status === "ready" ? root.store : undefined;
  const present = useMusubiSnapshot(store, (snapshot) => snapshot.people);
  const [self, setSelf] = useState(seat.person);
  const editing = useRef<string | null>(null);
  // What cannot be said now is said by the socket's params, or by the effect below, when the server is back.
  const { dispatch: sendIntroduction } = useMusubiCommand(store, "introduce", { whenOffline: "reject" });
  const { dispatch: sendFocus } = useMusubiCommand(store, "focus", { whenOffline: "reject" });
  const { dispatch: sendWave } = useMusubiCommand(store, "wave", { whenOffline: "reject" });
  useMusubiEvent(store, "waved", ({ name }) => notices.add(`${name} waves at you`));

  const introduce = useCallback(
    ({ name, hue }: Person) => {
      seat.change({ name, hue });
      setSelf(seat.person);
      sendIntroduction({ name, hue }).catch(() => {});
    },
    [seat, sendIntroduction],
  );
  const setEditing = useCallback(
    (cardId: string | null) => {
      editing.current = cardId;
      sendFocus({ cardId }).catch(() => {});
    },
    [sendFocus],
  );

  const listed = present?.find((person) => person.id === self.id)?.editing;
  useEffect(() => {
    // A server that was started again does not know what is being edited here.
    if (listed !== undefined && listed !== editing.current) sendFocus({ cardId: editing.current }).catch(() => {});
  }, [listed, sendFocus]);

  const others = useMemo(() => (present ?? []).filter((person) => person.id !== self.id), [present, self.id]);
  const guests = useMemo(
    () =>
      new Map(
        others.flatMap(({ name, hue, editing: cardId }) => (cardId === null ? [] : [[cardId, { name, hue }] as const])),
      ),
    [others],
  );
  const wave = useCallback(
    ({ id, name }: Person) => {
      const tell = (text: string) => () => notices.add(text);
      sendWave({ to: id }).then(tell(`You waved at ${name}`), tell("Nobody can see you wave just now"));
    },
    [sendWave, notices],
  );
  return { self, others, guests, introduce, setEditing, wave };
}
