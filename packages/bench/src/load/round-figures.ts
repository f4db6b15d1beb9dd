import type { Case } from "./cases.js";
import type { Figure, Measured } from "./figure.js";
import type { Round } from "./pair.js";
import type { SubjectName } from "./subjects/subject.js";

/** What the rounds of one case came to, by subject. */
export type Rounds = ReadonlyMap<SubjectName, readonly Round[]>;

/** The share of a round for which a server had a processor, when nothing else wanted it. */
const CALM = 0.85;

/** How many rounds count at least, however much else the machine did. */
const LEAST_ROUNDS = 5;

/** The figures of a case: how much goes through and at what cost, or how late it comes. */
export function roundFigures(each: Case, size: number, rounds: Rounds): Figure[] {
  const { name } = each;
  const of = (
    title: string,
    unit: Figure["unit"],
    suffix: string,
    value: (round: Round) => number,
    counted: Rounds = rounds,
  ): Figure => ({
    case: `${name}${suffix}`,
    title,
    size,
    unit,
    reference: "raw-tcp",
    measured: measuredOf(counted, value),
  });
  if (each.isPaced) {
    return [
      of(`${each.title}, median`, "microseconds", "-p50", ({ clients }) => clients.p50Us),
      of(`${each.title}, 99 of 100`, "microseconds", "-p99", ({ clients }) => clients.p99Us),
    ];
  }
  return [
    of(each.title, "per_second", "", ({ server }) => (server.messages / server.ms) * 1e3, calmRounds(rounds)),
    of(
      "the server's processor time for each message",
      "microseconds",
      "-cpu",
      ({ server }) => (server.cpuMs / server.messages) * 1e3,
    ),
    of("bytes on the wire for each message", "bytes", "-bytes", ({ clients }) => clients.bytes / clients.messages),
  ];
}

/** Which share of a round its server had a processor for. */
export function processorShare({ server }: Round): number {
  return server.cpuMs / server.ms;
}

/**
 * The rounds that nothing else on the machine disturbed, or those that it disturbed least. They are chosen by the time
 * that servers had, never by what they did with it.
 */
function calmRounds(rounds: Rounds): Rounds {
  return new Map(
    [...rounds].map(([subject, own]) => {
      const calm = own.filter((round) => processorShare(round) >= CALM);
      const least = own.toSorted((a, b) => processorShare(b) - processorShare(a)).slice(0, LEAST_ROUNDS);
      return [subject, calm.length >= LEAST_ROUNDS ? calm : least];
    }),
  );
}

function measuredOf(rounds: Rounds, value: (round: Round) => number): Measured[] {
  return [...rounds].map(([subject, own]) => ({ name: rowName(subject), rounds: own.map(value) }));
}

/** Stores are ours too. */
function rowName(subject: SubjectName): string {
  return subject === "stores" ? "ours" : subject;
}
