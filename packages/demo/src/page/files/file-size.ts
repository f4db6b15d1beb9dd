const UNITS = ["byte", "kilobyte", "megabyte"] as const;

/** Bytes as people read them: `640 kB`. */
export function fileSize(bytes: number): string {
  const power = Math.min(UNITS.length - 1, Math.floor(Math.log10(Math.max(1, bytes)) / 3));
  const format = new Intl.NumberFormat("en", {
    style: "unit",
    unit: UNITS[power] ?? "byte",
    unitDisplay: "short",
    maximumSignificantDigits: 3,
  });
  return format.format(bytes / 1000 ** power);
}
