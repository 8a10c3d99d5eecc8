/** The fake provider: a server of the provider protocols with real engines behind it, limits and faults. */
export type {
  ChatTask,
  EarsListener,
  EarsStream,
  FakeBacking,
  FakeChat,
  FakeEars,
  FakeVoice,
  HeardFile,
} from './backing.ts'
export { type FakeProvider, type FakeProviderOptions, startFakeProvider } from './fake-server.ts'
export { FAULT_KINDS, type FaultKind, type FaultShares, parseFaults } from './faults.ts'
export type { Latency } from './latency.ts'
export type { FakeRoute, FakeStats, RouteStats } from './stats.ts'
