import { MusubiError } from "@musubi/protocol";
import type { StandardSchemaV1 } from "@standard-schema/spec";
import { type MaybePromise, thenDo } from "./maybe-promise.js";

/** One complaint of a schema, as it travels in an `invalid_payload` reply. */
export interface PayloadIssue {
  readonly message: string;
  /** Member names and indices from the outside in; empty for the value itself. */
  readonly path: readonly (string | number)[];
}

/** Issues that are reported of one value: a large one that is wrong throughout must not make a larger reply. */
const MAX_ISSUES = 20;

/** Characters of a complaint: some schemas repeat the value in it. */
const MAX_MESSAGE = 500;

/** A value that passed its schema, or why it did not. */
export type Validated =
  | { readonly valid: true; readonly value: unknown }
  | { readonly valid: false; readonly issues: readonly PayloadIssue[] };

/**
 * A schema for a type alone: it takes every value as it is.
 *
 * For what the server's own code makes: the props of child stores (functions included) and event payloads. Input
 * from clients deserves a real schema.
 */
export function type<T>(): StandardSchemaV1<T, T> {
  // The one claim made here is the caller's: nothing is looked at.
  return { "~standard": { version: 1, vendor: "musubi", validate: (value) => ({ value: value as T }) } };
}

/** Checks a value with any Standard Schema; a promise only when the schema itself is asynchronous. */
export function validate(schema: StandardSchemaV1, value: unknown): MaybePromise<Validated> {
  const result = schema["~standard"].validate(value);
  return thenDo(result, toValidated);
}

function toValidated(result: StandardSchemaV1.Result<unknown>): Validated {
  if (result.issues === undefined) return { valid: true, value: result.value };
  const shown = result.issues.slice(0, MAX_ISSUES);
  return {
    valid: false,
    issues: shown.map((issue) => ({ message: issue.message.slice(0, MAX_MESSAGE), path: toPath(issue) })),
  };
}

function toPath(issue: StandardSchemaV1.Issue): (string | number)[] {
  return (issue.path ?? []).map((segment) => {
    const key = typeof segment === "object" ? segment.key : segment;
    return typeof key === "number" ? key : String(key);
  });
}

/** The error for a value of the server's own that its schema refused. */
export function invalidValue(what: string, issues: readonly PayloadIssue[]): MusubiError {
  const first = issues[0];
  const where = first === undefined || first.path.length === 0 ? "" : ` at ${first.path.join(".")}`;
  return new MusubiError(
    "invalid_payload",
    `${what} did not pass its schema${where}: ${first?.message ?? "no reason"}`,
    {
      details: { issues },
    },
  );
}
