import { parser } from "@prometheus-io/lezer-promql";

/** What a query of Prometheus asks for. */
export interface Query {
  /** Where it is no PromQL, as offsets. */
  readonly errors: readonly number[];
  readonly metrics: readonly string[];
  /** Labels that it selects or groups by. */
  readonly labels: readonly string[];
  /** Texts that it compares labels with, without their quotes. */
  readonly values: readonly string[];
}

/** Reads a query by Prometheus' own grammar. */
export function readQuery(text: string): Query {
  const query = { errors: [] as number[], metrics: [] as string[], labels: [] as string[], values: [] as string[] };
  parser.parse(text).iterate({
    enter({ name, type, from, to }) {
      const said = text.slice(from, to);
      if (type.isError) query.errors.push(from);
      else if (name === "Identifier") query.metrics.push(said);
      else if (name === "LabelName") query.labels.push(said);
      else if (name === "StringLiteral") query.values.push(said.slice(1, -1));
    },
  });
  return query;
}

/** The names of samples on a metrics page, each with the labels that it has there. */
export function samplesIn(page: string): ReadonlyMap<string, ReadonlySet<string>> {
  const samples = new Map<string, Set<string>>();
  for (const [, name = "", labels = ""] of page.matchAll(/^([a-z_:][\w:]*)(?:\{(.*)\})? \S+$/gim)) {
    const own = samples.get(name) ?? new Set();
    for (const [, label = ""] of labels.matchAll(/(\w+)="(?:[^"\\]|\\.)*"/g)) own.add(label);
    samples.set(name, own);
  }
  return samples;
}
