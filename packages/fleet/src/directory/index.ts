/** The directory of the fleet: the port, and the one in memory. The one in Redis has a door of its own. */
export * from './directory.ts'
export * from './fencing-token.ts'
export { Membership, type MembershipOptions, type MembershipState } from './membership.ts'
export { MemoryDirectory } from './memory/memory-directory.ts'
