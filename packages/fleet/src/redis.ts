/** What of the fleet is in Redis. A door of its own: who needs no Redis does not load its client. */
export { type BudgetSlice, RedisBudgets, type SliceRequest } from './budgets/redis-budgets.ts'
export { RedisTexts } from './cache/redis-texts.ts'
export { type RedisAddress, whereOf } from './directory/redis/redis-connection.ts'
export { RedisDirectory } from './directory/redis/redis-directory.ts'
export { RedisLink, type RedisLinkOptions } from './directory/redis/redis-link.ts'
export { RedisJournal } from './journal/redis-journal.ts'
