/** Text of utterances: ports of translation and polishing, and what stands between a session and an engine. Loads no engine. */
export * from './budgets/index.ts'
export * from './cache/index.ts'
export * from './engine-order/index.ts'
export * from './gating/index.ts'
export * from './scheduling/index.ts'
export * from './text-engine.ts'
export * from './text-service.ts'
