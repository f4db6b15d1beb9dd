import type { Instance } from "./instance.js";
import { closeResources } from "./resource.js";
import type { TerminateContext, TerminateReason } from "./store-types.js";

/** Lets go of what a store has open and runs its `terminate`. Never rejects: what it throws is logged. */
export async function terminateStore(instance: Instance, reason: TerminateReason): Promise<void> {
  closeResources(instance);
  const { definition, scope, state } = instance;
  if (definition.terminate === null) return;
  // Whose user it is, the app says: here it is of any type.
  const context: Omit<TerminateContext<unknown, unknown>, "user"> & { readonly user: unknown } = {
    id: instance.id,
    storeId: instance.storeId,
    assigns: state.assigns,
    params: state.params,
    user: scope.user,
    logger: scope.logger,
    publish: (topic, message) => scope.pubsub.publish(topic, message),
  };
  try {
    await definition.terminate(context, reason);
  } catch (cause) {
    scope.logger.error({ err: cause, rootId: scope.rootId }, `terminate of ${instance.label} failed`);
  }
}
