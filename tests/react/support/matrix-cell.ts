/** What a row of the matrix counts, from the first render to the end of the last root. */
export interface MatrixCell {
  /** `mount` messages on the wire. */
  readonly mounts: number;
  /** Of those, the ones that the server answered by continuing where it was. */
  readonly resumed: number;
  /** `unmount` messages on the wire. */
  readonly unmounts: number;
  /** How many times a fallback came on screen. */
  readonly fallbacks: number;
  /** Commits of the component that reads the root, its fallback included. */
  readonly renders: number;
  /** Roots that the server still holds once no component does. */
  readonly leaked: number;
}

/** A cell, by what differs from that of a root which is mounted once and left. */
export const cell = (differs: Partial<MatrixCell>): MatrixCell => ({
  mounts: 1,
  resumed: 0,
  unmounts: 1,
  fallbacks: 1,
  renders: 2,
  leaked: 0,
  ...differs,
});
