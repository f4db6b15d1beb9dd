import type { Hue } from "../../shared/person.js";

/**
 * A person as a disc with initials. Decorative: the name has to stand beside it or be its label. Initials are drawn by
 * the style sheet, since as text they would be what people who speak to their computer have to say.
 */
export function Avatar({ name, hue }: { readonly name: string; readonly hue: Hue }) {
  return <span className="avatar" data-hue={hue} data-initials={initials(name)} aria-hidden="true" />;
}

function initials(name: string): string {
  const words = name.trim().split(/\s+/);
  const letters = words.length > 1 ? [words[0], words.at(-1)] : [words[0]];
  return letters
    .map((word) => Array.from(word ?? "")[0] ?? "")
    .join("")
    .toUpperCase();
}
