import type { Logger } from "../logger.js";

/** What a function of the app, called `name`, answers; one that throws says no, and is reported. */
export function askApp(name: string, ask: () => boolean, logger: Logger): boolean {
  try {
    return ask();
  } catch (cause) {
    logger.error(`${name} threw, which counts as no.`, cause);
    return false;
  }
}
