import { isDevelopment } from "../development.js";

/** Freezes a JSON value at every depth in development, stopping at what is frozen already. Returns it. */
export function deepFreeze<T>(value: T): T {
  if (!isDevelopment || typeof value !== "object" || value === null || Object.isFrozen(value)) return value;
  Object.freeze(value);
  if (Array.isArray(value)) for (const item of value) deepFreeze(item);
  else for (const key in value) deepFreeze(value[key]);
  return value;
}
