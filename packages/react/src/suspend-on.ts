/** Suspends the component that renders until a promise settles: React's way to say so. */
export function suspendOn(promise: Promise<void>): never {
  // oxlint-disable-next-line typescript/only-throw-error -- what React asks for, in 18 and 19 alike
  throw promise;
}
