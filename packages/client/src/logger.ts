/** Where the client reports what no promise or state can carry, such as a listener that throws. */
export interface Logger {
  warn(message: string, details?: unknown): void;
  error(message: string, details?: unknown): void;
}

/** Reports to the console. */
export const consoleLogger: Logger = console;
