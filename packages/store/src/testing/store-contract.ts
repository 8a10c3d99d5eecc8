// The suite both databases pass: what records promise, whatever is behind them.
import assert from 'node:assert/strict'
import { after, before, beforeEach, describe, test } from 'node:test'
import { ManualClock } from '@parley/kernel/testing'
import { collectingLogger } from '@parley/telemetry/testing'
import { MIGRATIONS, type Migration } from '../migrations.ts'
import { countOlder, deleteSame, readPage } from '../pages.ts'
import { NOBODY_YET, openRecordStore, type RecordStore, type StorePlace } from '../record-store.ts'
import { lineOf, type StoredRecord } from '../records.ts'
import { act, final, SAMPLE_MS, session, usage } from './samples.ts'

export interface StoreFixture {
  /** A place without a schema, new each time. */
  readonly newPlace: () => Promise<StorePlace>
  readonly end: () => Promise<void>
}

export interface StoreContractOptions {
  readonly create: () => Promise<StoreFixture>
  /** Reason why the suite cannot run here. */
  readonly skip?: string
}

const NASTY = [
  `Robert'); DROP TABLE sessions;--`,
  `"; delete from finals where '1'='1`,
  '$1 ? :name @p %s \\',
  'nul \u0000 inside, half a pair \ud83d and a whole one \ud83d\ude00',
  '\u202eright to left \u0301',
  '%_[]',
]

function value<T>(result: { ok: true; value: T } | { ok: false; error: { message: string } }): T {
  assert.ok(result.ok, result.ok ? '' : result.error.message)
  return result.value
}

export function storeContract(name: string, { create, skip }: StoreContractOptions): void {
  describe(`${name} keeps records`, skip === undefined ? {} : { skip }, () => {
    let fixture: StoreFixture
    let place: StorePlace
    let clock: ManualClock
    let logger = collectingLogger()
    const open: RecordStore[] = []

    async function opened(where = place, migrations?: readonly Migration[]): Promise<RecordStore> {
      const options = { clock, logger, ...(migrations ? { migrations } : {}) }
      const store = value(await openRecordStore(where, options))
      open.push(store)
      return store
    }
    const all = async (store: RecordStore): Promise<StoredRecord[]> => {
      const pages = []
      for (const table of ['sessions', 'finals', 'usage', 'audit'] as const) {
        pages.push(...(await readPage(store.database.queries, table, { limit: 1_000 })))
      }
      return pages
    }

    before(async () => {
      fixture = await create()
    })
    beforeEach(async () => {
      clock = new ManualClock(SAMPLE_MS)
      logger = collectingLogger()
      for (const store of open.splice(0)) await store.close()
      place = await fixture.newPlace()
    })
    after(async () => {
      for (const store of open.splice(0)) await store.close()
      await fixture.end()
    })

    test('[STR1] what is written is read back, page by page, within its tenant only', async () => {
      const store = await opened()
      const sessions = Array.from({ length: 5 }, (_, index) =>
        session({ sessionId: `ses_${index}`, startedAtMs: SAMPLE_MS + (index >> 1) }),
      )
      const others = [session({ sessionId: 'ses_x', tenant: 'other' }), session({ sessionId: 'ses_y', userId: 'bob' })]
      value(await store.write([...sessions, ...others]))
      const first = value(await store.sessions.list({ tenant: 'default', userId: 'ada', limit: 3 }))
      assert.deepEqual(
        first.map((row) => row.sessionId),
        ['ses_4', 'ses_3', 'ses_2'],
      )
      const before = first.at(-1)
      assert.ok(before)
      const second = value(await store.sessions.list({ tenant: 'default', userId: 'ada', before, limit: 3 }))
      assert.deepEqual(
        second.map((row) => row.sessionId),
        ['ses_1', 'ses_0'],
      )
      assert.deepEqual(value(await store.sessions.get('default', 'ses_0')), sessions[0]?.row)
      assert.equal(value(await store.sessions.get('default', 'ses_x')), undefined)
    })

    test('[STR2] a record written twice, or in another order, leaves the same row', async () => {
      const store = await opened()
      const started = session()
      const ended = session({ endedAtMs: SAMPLE_MS + 9, endReason: 'client_closed' })
      const moved = session({ pod: 'pod_2', fenceCounter: 2, startedAtMs: SAMPLE_MS + 5 })
      for (const batch of [[started], [ended, started], [moved], [started], [ended]]) value(await store.write(batch))
      const row = value(await store.sessions.get('default', 'ses_1'))
      assert.deepEqual(row, { ...ended.row, pod: 'pod_2', fenceCounter: 2 })
      const repeated = value(await store.write([moved, moved]))
      assert.equal(repeated.changed, 0)
    })

    test('[STR3] an owner that has been replaced overwrites nothing', async () => {
      const store = await opened()
      value(await store.write([session({ fenceEpoch: 2, fenceCounter: 1, pod: 'pod_2' })]))
      value(await store.write([session({ fenceEpoch: 1, fenceCounter: 9, endedAtMs: SAMPLE_MS, endReason: 'stale' })]))
      const row = value(await store.sessions.get('default', 'ses_1'))
      assert.equal(row?.pod, 'pod_2')
      assert.equal(row?.endedAtMs, null)
    })

    test('[STR4] usage grows and never counts twice; sums are per tenant and UTC day', async () => {
      const store = await opened()
      value(await store.write([usage({ speechMs: 5_000 }), usage({ speechMs: 9_000 }), usage({ source: 'pod_2' })]))
      value(await store.write([usage({ speechMs: 7_000, providerTokens: 50 })]))
      value(await store.write([usage({ tenant: 'other' }), usage({ day: '2026-11-28' })]))
      const days = value(await store.usage.perDay({ tenant: 'default', fromDay: '2026-11-27', toDay: '2026-11-27' }))
      assert.deepEqual(days, [
        { tenant: 'default', day: '2026-11-27', speechMs: 10_000, translatedCharacters: 20, providerTokens: 55 },
      ])
      assert.equal(value(await store.usage.perDay({ fromDay: '2026-11-01', toDay: '2026-12-01' })).length, 3)
    })

    test('[STR5] finals are kept only for tenants that opted in, and no longer than they keep them', async () => {
      const store = await opened()
      assert.equal(value(await store.write([session(), final()])).notKept, 1)
      value(await store.retention.set('default', 30))
      const old = SAMPLE_MS - 31 * 86_400_000
      value(await store.write([final(), final({ utteranceIndex: 1, recordedAtMs: old })]))
      value(await store.write([final({ utteranceIndex: 2, revision: 2, kind: 'translated', language: 'es' })]))
      assert.equal(value(await store.finals.ofSession('default', 'ses_1', 10)).length, 3)
      assert.equal(value(await store.retention.purge(SAMPLE_MS)), 1)
      const left = value(await store.finals.ofSession('default', 'ses_1', 1))
      assert.deepEqual(left, [final().row])
      const [after] = left
      assert.equal(value(await store.finals.ofSession('default', 'ses_1', 10, after)).length, 1)
      value(await store.retention.set('default', 0))
      assert.equal(value(await store.retention.purge(SAMPLE_MS)), 2)
    })

    test('[STR6] texts that look like SQL, NUL, halves of pairs and emoji are values and nothing else', async () => {
      const store = await opened()
      value(await store.retention.set('default', 30))
      const finals = NASTY.map((text, index) => final({ text, utteranceIndex: index, sessionId: NASTY[0] as string }))
      value(await store.write([...finals, ...NASTY.map((text, index) => act({ auditId: `a${index}`, target: text }))]))
      const read = value(await store.finals.ofSession('default', NASTY[0] as string, 100))
      const clean = NASTY.map((text) => text.toWellFormed().replaceAll('\u0000', '\ufffd'))
      assert.deepEqual(
        read.map((row) => row.text),
        clean,
      )
      for (const text of NASTY) {
        assert.deepEqual(
          value(await store.sessions.list({ tenant: text.toWellFormed().replaceAll('\0', ''), limit: 1 })),
          [],
        )
      }
      assert.equal((await all(store)).length, NASTY.length * 2)
    })

    test('[STR7] a batch with a record that cannot be kept writes nothing and names the field, not the value', async () => {
      const store = await opened()
      const bad = session({ sessionId: 'ses_2', startedAtMs: -1 })
      const result = await store.write([session(), bad])
      assert.ok(!result.ok)
      assert.equal(result.error.code, 'INVALID')
      assert.match(result.error.message, /sessions\.startedAtMs must be a whole number/)
      assert.deepEqual(await all(store), [])
    })

    test('[STR8] two members may migrate at once; a newer schema is refused by its name, or worked with when it may be', async () => {
      const stores = await Promise.all([opened(), opened(), opened()])
      value(await (stores[0] as RecordStore).write([session()]))
      const next = (compatibleFrom: number): readonly Migration[] => [
        ...MIGRATIONS,
        {
          version: (MIGRATIONS.at(-1)?.version ?? 0) + compatibleFrom,
          name: `rooms ${compatibleFrom}`,
          compatibleFrom,
          async run(writes) {
            await writes.schema.createTable(`rooms${compatibleFrom}`).addColumn('roomId', 'text').execute()
          },
        },
      ]
      await opened(place, next(1))
      const older = await opened()
      assert.equal(value(await older.sessions.get('default', 'ses_1'))?.pod, 'pod_1')
      await opened(place, next(3))
      const refused = await openRecordStore(place, { clock, logger })
      assert.ok(!refused.ok)
      assert.equal(refused.error.code, 'SCHEMA_NEWER')
      assert.match(refused.error.message, /schema 4 \("rooms 3"\), which needs a Parley that knows schema 3/)
    })

    test('[STR8] a migration that fails leaves the schema as it was', async () => {
      await opened()
      const broken: readonly Migration[] = [
        ...MIGRATIONS,
        {
          version: 2,
          name: 'broken',
          compatibleFrom: 1,
          async run(writes) {
            await writes.schema.createTable('half').addColumn('x', 'text').execute()
            await writes.schema.createTable('sessions').addColumn('x', 'text').execute()
          },
        },
      ]
      const failed = await openRecordStore(place, { clock, logger, migrations: broken })
      assert.ok(!failed.ok)
      const store = await opened()
      assert.equal(value(await store.migrate()).version, 1)
      assert.deepEqual(await all(store), [])
    })

    test('[STR9] pages hold every row once, oldest first; only unchanged rows are deleted', async () => {
      const store = await opened()
      value(await store.retention.set('default', 30))
      const finals = Array.from({ length: 25 }, (_, index) =>
        final({ utteranceIndex: index, recordedAtMs: SAMPLE_MS + (index % 3), text: `t${index}` }),
      )
      value(await store.write(finals))
      const seen: StoredRecord[] = []
      for (;;) {
        const after = seen.at(-1)
        const page = await readPage(store.database.queries, 'finals', { limit: 7, ...(after ? { after } : {}) })
        if (page.length === 0) break
        seen.push(...page)
      }
      assert.equal(new Set(seen.map(lineOf)).size, 25)
      assert.equal(await countOlder(store.database.queries, 'finals', SAMPLE_MS + 1), 9)
      value(await store.write([session(), session({ sessionId: 'ses_2' }), usage(), act()]))
      const kept = await readPage(store.database.queries, 'sessions', { limit: 10 })
      value(await store.write([session({ endedAtMs: SAMPLE_MS, endReason: 'ended' })]))
      assert.equal(await deleteSame(store.database, store.database.queries, 'sessions', kept), 1)
      assert.equal(await deleteSame(store.database, store.database.queries, 'finals', seen), 25)
      for (const table of ['usage', 'audit'] as const) {
        const rows = await readPage(store.database.queries, table, {
          limit: 10,
          olderThanMs: SAMPLE_MS + 2 * 86_400_000,
        })
        assert.equal(await deleteSame(store.database, store.database.queries, table, rows), 1)
      }
      assert.equal((await all(store)).length, 1)
    })

    test('[FGT1, FGT2] a user who is forgotten is gone, does not come back with late records, and may start anew', async () => {
      const store = await opened()
      value(await store.retention.set('default', 30))
      const mine = [session(), final(), act(), act({ auditId: 'aud_2', actor: 'root', target: 'ada' })]
      const others = [
        session({ sessionId: 'ses_2', tenant: 'other' }),
        session({ sessionId: 'ses_3', userId: "ad' or 'a'='a" }),
        session({ sessionId: 'ses_4', userId: '' }),
      ]
      value(await store.write([...mine, ...others]))
      assert.deepEqual(value(await store.forget('default', 'ada', true)), { sessions: 1, finals: 1, audit: 2 })
      assert.equal((await all(store)).length, 7)
      assert.deepEqual(value(await store.forget('default', 'ada')), { sessions: 1, finals: 1, audit: 2 })
      const late = value(await store.write([session(), final({ utteranceIndex: 7 }), ...others]))
      assert.equal(late.forgotten, 2)
      assert.equal(late.changed, 0)
      const left = await all(store)
      assert.equal(left.length, 5)
      assert.ok(!left.filter((record) => record.table === 'audit').some((record) => lineOf(record).includes('ada')))
      clock.advance(1_000)
      const anew = session({ sessionId: 'ses_5', startedAtMs: SAMPLE_MS + 1 })
      assert.equal(value(await store.write([anew])).changed, 1)
      assert.ok(!(await store.forget('default', '')).ok)
    })

    test('[FGT5] who was forgotten is told once to each who asks, also of clocks that disagree; what their sessions left can be deleted', async () => {
      const [store, other] = [await opened(), await opened()]
      assert.equal(value(await store.forgottenAfter(NOBODY_YET)), undefined)
      value(await other.forget('default', 'ada'))
      const first = value(await store.forgottenAfter(NOBODY_YET))
      assert.ok(first)
      const atMs = clock.wallMs()
      assert.deepEqual(
        [
          first.forgottenAtMs('default', 'ada'),
          first.forgottenAtMs('other', 'ada'),
          first.forgottenAtMs('default', 'bob'),
        ],
        [atMs, undefined, undefined],
      )
      assert.equal(value(await store.forgottenAfter(first.last)), undefined)
      clock.advance(60_000)
      value(await other.forget('default', 'bob'))
      const second = value(await store.forgottenAfter(first.last))
      assert.equal(second?.forgottenAtMs('default', 'bob'), atMs + 60_000)
      clock.advance(1)
      const startedAtMs = clock.wallMs()
      value(await store.retention.set('default', 30))
      const kept = session({ sessionId: 'ses_2', startedAtMs })
      value(await store.write([session({ startedAtMs }), final({ recordedAtMs: startedAtMs }), kept]))
      assert.equal((await all(store)).length, 3)
      value(await store.forgetSessions(['ses_1']))
      assert.deepEqual((await all(store)).map(lineOf), [lineOf(kept)])
    })

    test('[FGT2] forgetting and writing at the same moment never leave a record of the user', async () => {
      const [store, other] = [await opened(), await opened()]
      for (let round = 0; round < 20; round++) {
        const records = [session({ sessionId: `ses_${round}` }), usage({ source: `pod_${round}` })]
        const [written, forgotten] = await Promise.all([store.write(records), other.forget('default', 'ada')])
        value(written)
        value(forgotten)
        assert.deepEqual(value(await store.sessions.list({ tenant: 'default', limit: 10 })), [])
      }
    })

    test('[FGT2] forgetting waits for a batch that is being written', async () => {
      const [store, other, third] = [await opened(), await opened(), await opened()]
      const [begun, written] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
      const writing = store.database.queries.transaction().execute(async (writes) => {
        await store.database.shareWrites(writes)
        begun.resolve()
        await written.promise
        const [row] = [session()].filter((record) => record.table === 'sessions').map((record) => record.row)
        assert.ok(row)
        await writes.insertInto('sessions').values(row).execute()
      })
      await begun.promise
      let isForgotten = false
      const forgetting = other.forget('default', 'ada').then((result) => {
        isForgotten = true
        return result
      })
      for (let trip = 0; trip < 20; trip++) value(await third.setting('x'))
      assert.equal(isForgotten, false)
      written.resolve()
      await writing
      assert.equal(value(await forgetting).sessions, 1)
      assert.deepEqual(await all(store), [])
    })

    test('[STR10] work that only one may do is done by one', async () => {
      const [store, other] = [await opened(), await opened()]
      const { promise, resolve } = Promise.withResolvers<void>()
      const begun = Promise.withResolvers<void>()
      const first = store.database.exclusively('archive', async () => {
        begun.resolve()
        await promise
      })
      await begun.promise
      const held = await other.database.exclusively('archive', async () => 'second').catch(() => undefined)
      const elsewhere = await other.database.exclusively('other', async () => 'other')
      resolve()
      await first
      assert.equal(held, undefined)
      assert.equal(elsewhere?.value, 'other')
      assert.equal((await other.database.exclusively('archive', async () => 'later'))?.value, 'later')
    })

    test('[STR11] queries are counted by name, and a slow one is logged without values', async () => {
      const store = await opened()
      const slow = store.stats.measured('sessions.get', async () => clock.advance(1_500))
      value(await slow)
      const figures = store.stats.figures.get('sessions.get')
      assert.equal(figures?.slow, 1)
      assert.equal(figures?.durationsMs.count, 1)
      value(await store.sessions.list({ tenant: 'secret tenant', limit: 1 }))
      assert.equal(logger.lines.length, 1)
      assert.doesNotMatch(JSON.stringify(logger.lines), /secret/)
    })
  })
}
