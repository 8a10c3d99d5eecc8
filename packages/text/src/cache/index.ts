export * from './cache-key.ts'
export * from './lru-store.ts'
export * from './shared-texts.ts'
export * from './text-cache.ts'
