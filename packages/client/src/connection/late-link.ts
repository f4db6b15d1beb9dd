import type { RootLink, RootLinkEvents } from "./root-link.js";
import type { RootIdentity } from "./root-identity.js";
import type { ConnectedLink, Topology } from "./topology.js";

/**
 * The link of a root that may be there before its topology, whose code is loaded only where it is used. Until then
 * nothing is joined, so nothing is asked of it.
 */
export class LateLink implements ConnectedLink {
  readonly #create: () => ConnectedLink | undefined;
  #link: ConnectedLink | undefined;

  constructor(root: RootIdentity, events: RootLinkEvents, topology: () => Topology | undefined) {
    this.#create = () => topology()?.createLink(root, events);
  }

  get isOpen(): boolean {
    return this.#link?.isOpen === true;
  }

  mount(...[params, resume]: Parameters<RootLink["mount"]>): void {
    (this.#link ??= this.#create())?.mount(params, resume);
  }

  unmount(): void {
    this.#link?.unmount();
  }

  push(...request: Parameters<RootLink["push"]>): () => void {
    return this.#link?.push(...request) ?? (() => {});
  }

  handleDrop(): void {
    this.#link?.handleDrop();
  }

  dispose(): void {
    this.#link?.dispose();
  }
}
