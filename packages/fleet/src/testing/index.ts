/** For tests and benchmarks of what is built on directories, and for directories themselves. Not for the product. */
export * from './directory-rig.ts'
export { type JournalSubject, journalContract } from './journal-contract.ts'
export { membershipContract } from './membership-contract.ts'
export { ownershipContract } from './ownership-contract.ts'
export { placementContract } from './placement-contract.ts'
export { RedisServer, type RedisServerOptions } from './redis-server.ts'
