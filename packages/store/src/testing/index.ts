/** For tests: a PostgreSQL of their own, sample records, the suite both databases pass. */
export { act, final, SAMPLE_MS, session, usage } from './samples.ts'
export { type StoreFixture, storeContract } from './store-contract.ts'
export { type TemporaryPostgres, temporaryPostgres } from './temporary-postgres.ts'
