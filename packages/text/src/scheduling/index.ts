export * from './call-queue.ts'
export * from './fair-queue.ts'
