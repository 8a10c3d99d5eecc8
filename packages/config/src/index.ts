/** One schema for every setting, and its resolution from file, environment and flags. */
export * from './schema.ts'
