/** Texts without engines. */
export * from './scripted-text-service.ts'
