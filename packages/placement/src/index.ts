/** Where streams and sessions go: policies, health gate, streams that are behind. */
export * from './behind.ts'
export * from './candidate.ts'
export { hash32 } from './hash.ts'
export * from './health-gate.ts'
export * from './policies.ts'
export * from './seats.ts'
