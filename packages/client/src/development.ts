declare const process: { readonly env: { readonly NODE_ENV?: string } };

/** Whether this is a development build. Bundlers replace `process.env.NODE_ENV`; without one it is off in browsers. */
export const isDevelopment: boolean = readEnvironment() !== "production";

function readEnvironment(): string | undefined {
  try {
    return process.env.NODE_ENV;
  } catch {
    return "production";
  }
}
