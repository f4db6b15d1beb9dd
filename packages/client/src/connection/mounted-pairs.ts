import type { RootIdentity } from "./root-identity.js";

/** Pairs whose `mount` was pushed in this join and not undone by an answered `unmount`, with the first one's params. */
export class MountedPairs {
  /** Params by module, by id: where ids name roots, whose id it is has to be found at every mount. */
  readonly #byId = new Map<string, Map<string, string>>();

  /** Adds a pair that is not there yet. Returns whether one was, with these params. */
  add({ module, id }: RootIdentity, params: string): boolean {
    const modules = this.#byId.get(id) ?? new Map<string, string>();
    const known = modules.get(module);
    if (known === undefined) this.#byId.set(id, modules.set(module, params));
    return known === params;
  }

  delete({ module, id }: RootIdentity): void {
    const modules = this.#byId.get(id);
    modules?.delete(module);
    if (modules?.size === 0) this.#byId.delete(id);
  }

  /** Whether another module's root of this id is mounted, or on its way, or not yet unmounted. */
  hasNamesake({ module, id }: RootIdentity): boolean {
    const modules = this.#byId.get(id);
    return modules !== undefined && modules.size > Number(modules.has(module));
  }

  clear(): void {
    this.#byId.clear();
  }
}
