import { useInsertionEffect, useRef } from "react";

/** A cell that holds what was committed last, to be read by effects and handlers rather than by renders. */
export function useLatest<T>(value: T): { readonly current: T } {
  const latest = useRef(value);
  // Before any other effect, so that those meet the present value.
  useInsertionEffect(() => {
    latest.current = value;
  });
  return latest;
}
