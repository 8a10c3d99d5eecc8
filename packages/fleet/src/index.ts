/** Who is in the fleet. */
export * from './directory/index.ts'
/** What is kept of sessions, so that another pod can go on with them. */
export * from './journal/journal.ts'
export { MemoryJournal } from './journal/memory-journal.ts'
export * from './member-messages.ts'
export { POD_NODE_OPTIONS } from './node-options.ts'
export {
  type IpcPort,
  openSupervisorChannel,
  type StartMessage,
  type SupervisorChannel,
} from './supervisor-channel.ts'
export { threadPoolProblem, threadPoolSize, workerEnvironment } from './worker-environment.ts'
