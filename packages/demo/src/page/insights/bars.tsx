import type { Hue } from "../../shared/person.js";

/** What {@link Bars} show. */
export interface BarsProps {
  readonly rows: readonly { readonly label: string; readonly value: number; readonly hue?: Hue }[];
}

/** Numbers as bars, each with its name and its number in words. */
export function Bars({ rows }: BarsProps) {
  const most = Math.max(1, ...rows.map(({ value }) => value));
  return (
    <ul className="bars">
      {rows.map(({ label, value, hue = "indigo" }, index) => (
        // Two columns may have one name; a row is its place.
        <li key={index} className="bar-row" data-hue={hue}>
          <span className="bar-label">{label}</span>
          <span className="bar-value">{value}</span>
          <span className="bar" aria-hidden="true">
            <span className="bar-fill" style={{ width: `${(value / most) * 100}%` }} />
          </span>
        </li>
      ))}
    </ul>
  );
}
