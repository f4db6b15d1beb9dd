import { Component, type ReactNode } from "react";

/** What an {@link ErrorBoundary} shows. */
export interface ErrorBoundaryProps {
  /** Says what did not work, above the reason. */
  readonly title: string;
  readonly children: ReactNode;
}

/** Holds a failure within its part of the page, with its reason and a button that tries again. */
export class ErrorBoundary extends Component<ErrorBoundaryProps, { readonly error: unknown }> {
  override state = { error: undefined as unknown };

  static getDerivedStateFromError(error: unknown): { readonly error: unknown } {
    return { error };
  }

  readonly #retry = (): void => {
    const { error } = this.state;
    // What failed to mount stays failed until it is told to try again.
    if (error instanceof Error && "retry" in error && typeof error.retry === "function") error.retry();
    this.setState({ error: undefined });
  };

  override render(): ReactNode {
    const { error } = this.state;
    if (error === undefined) return this.props.children;
    return (
      <div className="refused" role="alert">
        <h3>{this.props.title}</h3>
        {error instanceof Error && <p>{error.message}</p>}
        <button type="button" className="button is-primary" onClick={this.#retry}>
          Try again
        </button>
      </div>
    );
  }
}
