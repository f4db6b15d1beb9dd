import { MusubiError } from "@musubi/client";

/** The error for a use that can never work; the message says what to do instead. */
export function misuse(message: string): MusubiError {
  return new MusubiError("invalid_usage", message);
}
