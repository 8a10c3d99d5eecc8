/** Where streams go: policies, health gate, streams that are behind. */
export * from './behind.ts'
export * from './candidate.ts'
export * from './health-gate.ts'
export * from './policies.ts'
