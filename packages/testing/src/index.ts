export { eventually } from "./eventually.js";
export { FakeClock } from "./fake-clock.js";
export {
  createFaultPlan,
  drawFault,
  FAULT_KINDS,
  type Fault,
  type FaultPlanOptions,
  type PlannedFault,
} from "./fault-plan.js";
export { type FaultTarget, FaultyNetwork, type FaultyNetworkOptions } from "./faulty-network.js";
export {
  createMemoryTransport,
  type MemoryListener,
  type MemoryPeer,
  type TransportConstructor,
  type TransportInstance,
} from "./memory-transport.js";
export {
  TestServer,
  type TestServerOptions,
  createTestServer,
  type CommandHandler,
  type CommandTarget,
  type SentCommand,
  type AnyCommandName,
  type AnyCommandPayload,
  type AnyCommandReply,
  type TestEventName,
  type TestEventPayload,
} from "./model/test-server.js";
export type { TestRoots, TestState, TestValue } from "./model/test-state.js";
export {
  asyncFailed,
  asyncLoading,
  asyncOk,
  type AsyncState,
  childStore,
  type ChildStore,
  streamOf,
  type StreamItems,
  uploadSlot,
  type UploadSlot,
} from "./model/wire-parts.js";
export { type Change, change, type InsertOptions } from "./scenario/change.js";
export { type ClientRuntime, clientRuntime } from "./scenario/client-runtime.js";
export type { StoreAt } from "./scenario/client-script.js";
export { INVARIANTS, type Invariant, Violation } from "./scenario/invariants.js";
export {
  type JoinOffer,
  type ModuleOf,
  type RootName,
  Scenario,
  type SnapshotPattern,
  scenario,
} from "./scenario/scenario.js";
export { ScenarioError } from "./scenario/scenario-error.js";
export type { AnswerTo, EnvelopeMembers, Fields } from "./scenario/server-script.js";
export type { ScenarioOptions, Stage } from "./scenario/stage.js";
export {
  type AnswerCommand,
  type EnvelopeExtras,
  type Interceptor,
  initialEnvelope,
  type ReceivedMessage,
  type RenderExtras,
  type RenderStore,
  ScriptedServer,
  type TestSocket,
} from "./scripted-server.js";
export { SeededRandom } from "./seeded-random.js";
