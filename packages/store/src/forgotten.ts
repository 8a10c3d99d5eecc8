// Users who asked to be forgotten, known by a keyed hash: what still lies in a queue, a spill or an old export must not bring
// them back, and the list itself must not name them.
import { createHmac, randomBytes } from 'node:crypto'
import type { Queries, Writes } from './database.ts'
import { type StoredRecord, userOf } from './records.ts'

/** Name of the setting that holds the key. */
export const SALT = 'forgotten.salt'

/** What the acts of somebody who was forgotten are kept under. */
export const FORGOTTEN_NAME = 'forgotten-user'

/** The key, made when first asked for. Not kept in memory: a restored export may bring another. */
export async function saltOf(queries: Queries | Writes): Promise<string> {
  const read = () => queries.selectFrom('settings').select('value').where('name', '=', SALT).executeTakeFirst()
  const held = await read()
  if (held) return held.value
  await queries
    .insertInto('settings')
    .values({ name: SALT, value: randomBytes(32).toString('base64url') })
    .onConflict((conflict) => conflict.column('name').doNothing())
    .execute()
  return (await read())?.value ?? ''
}

/** Name of the setting that holds when somebody was last forgotten: pods look at it, and at the list only when it has changed. */
export const LAST_FORGOTTEN = 'forgotten.lastAtMs'

export const userKeyOf = (salt: string, tenant: string, userId: string): string =>
  createHmac('sha256', salt)
    .update(JSON.stringify([tenant, userId]))
    .digest('base64url')

export async function rememberForgotten(writes: Writes, userKey: string, forgottenAtMs: number): Promise<void> {
  await writes
    .insertInto('forgottenUsers')
    .values({ userKey, forgottenAtMs })
    .onConflict((conflict) =>
      conflict
        .column('userKey')
        .doUpdateSet((eb) => ({ forgottenAtMs: eb.ref('excluded.forgottenAtMs') }))
        .whereRef('excluded.forgottenAtMs', '>', 'forgottenUsers.forgottenAtMs'),
    )
    .execute()
  await writes
    .insertInto('settings')
    .values({ name: LAST_FORGOTTEN, value: String(forgottenAtMs) })
    .onConflict((conflict) => conflict.column('name').doUpdateSet({ value: String(forgottenAtMs) }))
    .execute()
}

/** Key of each user who was forgotten at or after `sinceMs`, and when. */
export async function forgottenSince(queries: Queries, sinceMs: number): Promise<ReadonlyMap<string, number>> {
  const rows = await queries.selectFrom('forgottenUsers').selectAll().where('forgottenAtMs', '>=', sinceMs).execute()
  return new Map(rows.map((row) => [row.userKey, row.forgottenAtMs]))
}

/** Drops records of users who were forgotten after the records were made. */
export async function withoutForgotten(
  queries: Queries | Writes,
  records: readonly StoredRecord[],
): Promise<StoredRecord[]> {
  const keyOf = new Map<string, string>()
  if (!records.some((record) => userOf(record)?.userId)) return [...records]
  const salt = await saltOf(queries)
  const keyed = records.map((record) => {
    const user = userOf(record)
    if (!user || user.userId === '') return { record, key: undefined, atMs: 0 }
    const name = JSON.stringify([user.tenant, user.userId])
    const key = keyOf.get(name) ?? userKeyOf(salt, user.tenant, user.userId)
    keyOf.set(name, key)
    return { record, key, atMs: user.atMs }
  })
  const rows = await queries
    .selectFrom('forgottenUsers')
    .selectAll()
    .where('userKey', 'in', [...keyOf.values()])
    .execute()
  const forgottenAtMs = new Map(rows.map((row) => [row.userKey, row.forgottenAtMs]))
  return keyed
    .filter(({ key, atMs }) => key === undefined || !(atMs <= (forgottenAtMs.get(key) ?? -1)))
    .map(({ record }) => record)
}
