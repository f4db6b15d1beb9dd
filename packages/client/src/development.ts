declare const process: { readonly env: { readonly NODE_ENV?: string } };

/**
 * Whether this is a development build. Bundlers replace `process.env.NODE_ENV`, and with it leave out what is for
 * development only; without one it is off in browsers. (As a conditional, since esbuild folds no other form of this.)
 */
export const isDevelopment: boolean = typeof process === "undefined" ? false : process.env.NODE_ENV !== "production";
