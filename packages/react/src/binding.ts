import type { ConnectionHandle, DehydratedRoots } from "@musubi/client/runtime";

/** What a provider gives the hooks below it. */
export interface Binding extends ConnectionHandle {
  /** What was rendered on the server. */
  readonly dehydrated: DehydratedRoots | undefined;
}
