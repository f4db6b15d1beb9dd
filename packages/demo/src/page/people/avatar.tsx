import type { Hue } from "../../shared/person.js";

/** A person as a disc with initials. Decorative: the name has to stand beside it or be its label. */
export function Avatar({ name, hue }: { readonly name: string; readonly hue: Hue }) {
  return (
    <span className="avatar" data-hue={hue} aria-hidden="true">
      {initials(name)}
    </span>
  );
}

function initials(name: string): string {
  const words = name.trim().split(/\s+/);
  const letters = words.length > 1 ? [words[0], words.at(-1)] : [words[0]];
  return letters
    .map((word) => Array.from(word ?? "")[0] ?? "")
    .join("")
    .toUpperCase();
}
