import { Component, type ReactNode } from "react";
import type { RetryableError } from "./index.js";

/** Shows what was thrown below it, with buttons that reset it with and without a retry. */
export class ErrorBoundary extends Component<{ readonly children: ReactNode }, { error: RetryableError | undefined }> {
  override state: { error: RetryableError | undefined } = { error: undefined };

  static getDerivedStateFromError(error: RetryableError): { error: RetryableError } {
    return { error };
  }

  override render(): ReactNode {
    const { error } = this.state;
    if (error === undefined) return this.props.children;
    const reset = (): void => this.setState({ error: undefined });
    const retry = (): void => {
      error.retry?.();
      reset();
    };
    return (
      <>
        caught {error.code} {JSON.stringify((error as { reason?: unknown }).reason ?? error.details)}
        <button onClick={retry} aria-label="retry" />
        <button onClick={reset} aria-label="reset" />
      </>
    );
  }
}
