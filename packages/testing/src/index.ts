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
  type AnswerCommand,
  type EnvelopeExtras,
  type Interceptor,
  initialEnvelope,
  type ReceivedMessage,
  type RenderStore,
  ScriptedServer,
  type TestSocket,
} from "./scripted-server.js";
export { SeededRandom } from "./seeded-random.js";
