/** The colours that people can have. */
export const HUES = ["indigo", "teal", "moss", "amber", "madder", "wisteria", "rose", "slate"] as const;

/** A person's colour. */
export type Hue = (typeof HUES)[number];

/** Who sits behind a browser tab. */
export interface Person {
  /** Made by the tab; tells two people of one name apart. */
  readonly id: string;
  readonly name: string;
  readonly hue: Hue;
}

/** Characters that a person's name may have; more is refused. */
export const MAX_NAME = 40;
