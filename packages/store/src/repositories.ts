// What is asked of the records, each query with the index that serves it (migrations.ts). The same code for both databases.
import type { Result } from '@parley/kernel'
import type { RecordDatabase } from './database.ts'
import type { QueryStats } from './query-stats.ts'
import type { AuditRecord, FinalRecord, SessionRecord } from './records.ts'
import type { StoreError } from './store-error.ts'

/** Rows a page may have. */
export const MAX_PAGE = 500

export interface Context {
  readonly database: RecordDatabase
  readonly stats: QueryStats
}
type Answer<T> = Promise<Result<T, StoreError>>

const pageOf = (limit: number) => Math.min(MAX_PAGE, Math.max(1, Math.trunc(limit)))

export interface SessionsWanted {
  readonly tenant: string
  readonly userId?: string
  /** The last session of the page before; the newest come first. */
  readonly before?: Pick<SessionRecord, 'startedAtMs' | 'sessionId'>
  /** At most MAX_PAGE. */
  readonly limit: number
}

export class Sessions {
  readonly #context: Context
  constructor(context: Context) {
    this.#context = context
  }

  /** Only within `tenant`: an id of another's session is unknown. */
  get(tenant: string, sessionId: string): Answer<SessionRecord | undefined> {
    const { database, stats } = this.#context
    return stats.measured('sessions.get', () =>
      database.queries
        .selectFrom('sessions')
        .selectAll()
        .where('sessionId', '=', sessionId)
        .where('tenant', '=', tenant)
        .executeTakeFirst(),
    )
  }

  list(wanted: SessionsWanted): Answer<SessionRecord[]> {
    const { database, stats } = this.#context
    const { tenant, userId, before } = wanted
    return stats.measured('sessions.list', () => {
      let query = database.queries.selectFrom('sessions').selectAll().where('tenant', '=', tenant)
      if (userId !== undefined) query = query.where('userId', '=', userId)
      if (before) {
        query = query.where((eb) =>
          eb.or([
            eb('startedAtMs', '<', before.startedAtMs),
            eb.and([eb('startedAtMs', '=', before.startedAtMs), eb('sessionId', '<', before.sessionId)]),
          ]),
        )
      }
      return query.orderBy('startedAtMs', 'desc').orderBy('sessionId', 'desc').limit(pageOf(wanted.limit)).execute()
    })
  }
}

export class Finals {
  readonly #context: Context
  constructor(context: Context) {
    this.#context = context
  }

  /** A session's text in order; `after` is the last of the page before. */
  ofSession(tenant: string, sessionId: string, limit: number, after?: FinalRecord): Answer<FinalRecord[]> {
    const { database, stats } = this.#context
    return stats.measured('finals.ofSession', () => {
      let query = database.queries
        .selectFrom('finals')
        .selectAll()
        .where('sessionId', '=', sessionId)
        .where('tenant', '=', tenant)
      if (after) {
        query = query.where(({ eb, refTuple, tuple }) =>
          eb(
            refTuple('utteranceEpoch', 'utteranceIndex', 'revision', 'kind', 'language'),
            '>',
            tuple(after.utteranceEpoch, after.utteranceIndex, after.revision, after.kind, after.language),
          ),
        )
      }
      return query
        .orderBy('utteranceEpoch')
        .orderBy('utteranceIndex')
        .orderBy('revision')
        .orderBy('kind')
        .orderBy('language')
        .limit(pageOf(limit))
        .execute()
    })
  }
}

export interface DayOfUsage {
  readonly tenant: string
  readonly day: string
  readonly speechMs: number
  readonly translatedCharacters: number
  readonly providerTokens: number
}

export class Usage {
  readonly #context: Context
  constructor(context: Context) {
    this.#context = context
  }

  /** Sums per tenant and UTC day, `fromDay` and `toDay` included; all tenants unless one is named. */
  perDay(wanted: { tenant?: string; fromDay: string; toDay: string }): Answer<DayOfUsage[]> {
    const { database, stats } = this.#context
    return stats.measured('usage.perDay', () => {
      let query = database.queries
        .selectFrom('usage')
        .select((eb) => [
          'tenant',
          'day',
          eb.fn.sum<number>('speechMs').as('speechMs'),
          eb.fn.sum<number>('translatedCharacters').as('translatedCharacters'),
          eb.fn.sum<number>('providerTokens').as('providerTokens'),
        ])
        .where('day', '>=', wanted.fromDay)
        .where('day', '<=', wanted.toDay)
      if (wanted.tenant !== undefined) query = query.where('tenant', '=', wanted.tenant)
      return query.groupBy(['tenant', 'day']).orderBy('tenant').orderBy('day').execute()
    })
  }
}

export class Audit {
  readonly #context: Context
  constructor(context: Context) {
    this.#context = context
  }

  /** A tenant's acts, newest first. */
  list(wanted: {
    readonly tenant: string
    readonly before?: Pick<AuditRecord, 'atMs' | 'auditId'>
    readonly limit: number
  }): Answer<AuditRecord[]> {
    const { database, stats } = this.#context
    const { before } = wanted
    return stats.measured('audit.list', () => {
      let query = database.queries.selectFrom('audit').selectAll().where('tenant', '=', wanted.tenant)
      if (before) {
        query = query.where((eb) =>
          eb.or([
            eb('atMs', '<', before.atMs),
            eb.and([eb('atMs', '=', before.atMs), eb('auditId', '<', before.auditId)]),
          ]),
        )
      }
      return query.orderBy('atMs', 'desc').orderBy('auditId', 'desc').limit(pageOf(wanted.limit)).execute()
    })
  }
}

const DAY_MS = 86_400_000
/** Rows deleted at a time: far below any statement's time limit. */
const DELETED_AT_ONCE = 2_000

export class Retention {
  readonly #context: Context
  constructor(context: Context) {
    this.#context = context
  }

  /** How long each tenant keeps finals, days; a tenant that is not there keeps none. */
  all(): Answer<ReadonlyMap<string, number>> {
    const { database, stats } = this.#context
    return stats.measured('retention.all', async () => {
      const rows = await database.queries.selectFrom('retention').selectAll().execute()
      return new Map(rows.map((row) => [row.tenant, row.finalsDays]))
    })
  }

  /** From now on `tenant` keeps finals for `finalsDays` (0 = none; what there is goes with the next `purge`). */
  set(tenant: string, finalsDays: number): Answer<void> {
    const { database, stats } = this.#context
    return stats.measured('retention.set', async () => {
      await database.queries
        .insertInto('retention')
        .values({ tenant, finalsDays })
        .onConflict((conflict) => conflict.column('tenant').doUpdateSet({ finalsDays }))
        .execute()
    })
  }

  /** Deletes finals that are older than their tenant keeps them; how many. */
  purge(nowMs: number): Answer<number> {
    const { database, stats } = this.#context
    return stats.measured('retention.purge', async () => {
      const kept = await database.queries.selectFrom('retention').selectAll().where('finalsDays', '>', 0).execute()
      const days = new Map(kept.map((row) => [row.tenant, row.finalsDays]))
      let deleted = 0
      let tenant = await this.#nextTenant('')
      while (tenant !== undefined) {
        const finalsDays = days.get(tenant) ?? 0
        deleted += await this.#deleteFinals(tenant, finalsDays === 0 ? undefined : nowMs - finalsDays * DAY_MS)
        tenant = await this.#nextTenant(tenant)
      }
      return deleted
    })
  }

  /** The next tenant that has finals: one step of an index each, where `distinct` would read all of it. */
  async #nextTenant(after: string): Promise<string | undefined> {
    const row = await this.#context.database.queries
      .selectFrom('finals')
      .select('tenant')
      .where('tenant', '>', after)
      .orderBy('tenant')
      .limit(1)
      .executeTakeFirst()
    return row?.tenant
  }

  /** Translations go with the revision they are of, whatever the second they were recorded in. */
  async #deleteFinals(tenant: string, beforeMs: number | undefined): Promise<number> {
    const { queries } = this.#context.database
    let deleted = 0
    for (;;) {
      const done = await queries
        .deleteFrom('finals')
        .where(({ eb, refTuple, selectFrom }) => {
          let old = selectFrom('finals')
            .select(['sessionId', 'utteranceEpoch', 'utteranceIndex', 'revision', 'kind'])
            .where('tenant', '=', tenant)
          if (beforeMs !== undefined) old = old.where('recordedAtMs', '<', beforeMs)
          return eb(
            refTuple('sessionId', 'utteranceEpoch', 'utteranceIndex', 'revision', 'kind'),
            'in',
            old.limit(DELETED_AT_ONCE).$asTuple('sessionId', 'utteranceEpoch', 'utteranceIndex', 'revision', 'kind'),
          )
        })
        .executeTakeFirst()
      deleted += Number(done.numDeletedRows)
      if (done.numDeletedRows === 0n) return deleted
    }
  }
}
