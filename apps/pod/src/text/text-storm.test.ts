// Ten thousand random operations over engines that answer, fail, limit, hang and vanish: what must hold, holds all the time.
import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { type Random, seededRandom } from '@parley/kernel'
import type { TextFailureCode } from '@parley/protocol'
import { APERTIUM, type Asked, deskRig, OPENAI, OPENAI_PROVIDER } from '../testing/text/desk-rig.ts'
import type { ManualCall } from '../testing/text/manual-text-workers.ts'

const LIMITS = { requestsPerMinute: 200, tokensPerMinute: 30_000, safetyRatio: 0.9 }
const CODES: readonly TextFailureCode[] = [
  'ENGINE_FAILED',
  'ENGINE_UNAVAILABLE',
  'BUSY',
  'RATE_LIMITED',
  'DEADLINE',
  'REFUSED_SAME',
  'CANCELLED',
]

interface Entry {
  readonly asked: Asked
  readonly isFinal: boolean
  readonly atMs: number
  readonly text: string
  isCancelled: boolean
}

interface Spent {
  readonly atMs: number
  tokens: number
}

async function storm(t: TestContext, seed: number, operations: number) {
  const random = seededRandom(seed)
  const rig = await deskRig(t, { providers: [{ ...OPENAI_PROVIDER, ...LIMITS }] }, OPENAI, APERTIUM)
  const { clock, workers, desk } = rig
  workers.slots = 12
  const entries: Entry[] = []
  const spent: Spent[] = []
  workers.onCall = ({ ask }: ManualCall) => {
    if (ask.engine !== 'openai') return
    const open = workers.open().filter(({ ask: { engine } }) => engine === 'openai')
    assert.ok(open.filter((call) => !call.ask.isFinal).length <= 5 + open.filter((call) => call.ask.isFinal).length)
    assert.ok(open.length <= 7, 'places of partials and finals together')
    spent.push({ atMs: clock.nowMs(), tokens: 0 })
  }
  for (let n = 0; n < operations; n++) await operate(rig, random, entries, spent, n)
  // Everybody is calm again: whatever waits ends.
  workers.setEngines(OPENAI, APERTIUM)
  for (let ms = 0; ms < 31_000; ms += 250) {
    for (const call of workers.open()) call.answer()
    await rig.pass(250)
  }
  check(entries, spent)
  assert.deepEqual(desk.report().jobs, { called: 0, waiting: 0, parked: 0, resting: 0 })
  return { entries, spent, report: desk.report() }
}

async function operate(
  { clock, workers, ask, pass }: Awaited<ReturnType<typeof deskRig>>,
  random: Random,
  entries: Entry[],
  spent: Spent[],
  n: number,
): Promise<void> {
  const pick = <T>(from: readonly T[]): T | undefined => from[Math.floor(random() * from.length)]
  const dice = random()
  if (dice < 0.45) {
    const [isFinal, text] = [random() < 0.4, `text ${Math.floor(random() * 400)}`]
    const asked = ask({ isFinal, text, sessionId: `ses_${Math.floor(random() * 8)}`, to: random() < 0.5 ? 'es' : 'de' })
    entries.push({ asked, isFinal, text, atMs: clock.nowMs(), isCancelled: false })
  } else if (dice < 0.7) {
    const tokens = Math.floor(random() * 150)
    const call = pick(workers.open())
    const of = spent.at(-1)
    if (call?.ask.engine === 'openai' && of) of.tokens = Math.max(of.tokens, tokens)
    call?.answer(undefined, { inputTokens: tokens, outputTokens: 0 })
  } else if (dice < 0.76)
    pick(workers.open())?.fail(pick(CODES) as TextFailureCode, random() < 0.5 ? random() * 3_000 : undefined)
  else if (dice < 0.78) pick(workers.open())?.lose()
  else if (dice < 0.84) {
    const entry = pick(entries.slice(-30))
    if (entry && entry.asked.outcomes.length === 0) {
      entry.isCancelled = true
      entry.asked.cancel()
    }
  } else if (dice < 0.85)
    workers.setEngines(...(random() < 0.5 ? [APERTIUM] : random() < 0.2 ? [] : [OPENAI, APERTIUM]))
  else await pass(Math.floor(random() * (n % 50 === 0 ? 5_000 : 150)))
}

function check(entries: readonly Entry[], spent: readonly Spent[]): void {
  for (const { asked, isFinal, atMs, text, isCancelled } of entries) {
    const { outcomes, told } = asked
    assert.equal(outcomes.length, isCancelled ? 0 : 1, `${text}: exactly one outcome, none after cancel`)
    const [outcome] = outcomes
    if (!outcome) continue
    if (isFinal) assert.ok(outcome.is !== 'skipped' && (told[0] as number) - atMs <= 30_000, 'a final ends in its time')
    else assert.notEqual(outcome.is, 'failed')
    if (outcome.is === 'done') assert.match(outcome.text, new RegExp(`^${text} \\(`), 'its own text')
  }
  for (const { atMs: fromMs } of spent) {
    const inside = spent.filter(({ atMs }) => atMs >= fromMs && atMs < fromMs + 60_000)
    assert.ok(inside.length <= LIMITS.requestsPerMinute * LIMITS.safetyRatio, `${inside.length} requests in a minute`)
  }
}

test('[TS1, TS15] property: 10,000 random operations: one outcome each, finals in their time, never over a limit, nothing left', async (t) => {
  const { entries, spent, report } = await storm(t, 1, 10_000)
  assert.ok(entries.length > 4_000 && spent.length > 200)
  const { partial, final } = report.counters
  assert.equal(partial.asked + final.asked, entries.length)
  for (const counters of [partial, final]) {
    const { asked, done, cached, cancelled, skipped, failed } = counters
    const failures = Object.values(failed).reduce((sum, count) => sum + count, 0)
    assert.equal(asked, done + cached + cancelled + skipped.budget + skipped.failed + failures)
  }
})

test('[TS15] property: other seeds, shorter', async (t) => {
  for (const seed of [2, 3, 4, 5, 6])
    await t.test(`seed ${seed}`, async (each) => void (await storm(each, seed, 1_500)))
})

test('[TS15] nobody starves: ten sessions that want more than there is are each served, talker or not', async (t) => {
  const rig = await deskRig(
    t,
    { providers: [{ ...OPENAI_PROVIDER, requestsPerMinute: 120, finalConcurrency: 50 }] },
    OPENAI,
  )
  const { workers, ask, pass } = rig
  workers.onCall = (call) => queueMicrotask(() => call.answer())
  const served = new Map<string, number>()
  const all: { readonly session: string; readonly asked: Asked }[] = []
  for (let second = 0; second < 60; second++) {
    for (let session = 0; session < 10; session++) {
      const count = session === 0 ? 10 : 1
      for (let n = 0; n < count; n++) {
        const text = `${session} ${second} ${n}`
        all.push({ session: String(session), asked: ask({ sessionId: `ses_${session}`, text, to: 'de' }) })
      }
    }
    await pass(1_000, 100)
  }
  for (const { session, asked } of all) {
    if (asked.outcomes[0]?.is === 'done') served.set(session, (served.get(session) ?? 0) + 1)
  }
  const [talker, ...others] = Array.from({ length: 10 }, (_, session) => served.get(String(session)) ?? 0)
  assert.ok(Math.min(...others) >= 8 && Math.max(...others) - Math.min(...others) <= 3, others.join(' '))
  // It was the first to ask, when what may go at once was there for whoever came.
  assert.ok((talker as number) <= Math.max(...others) + 6, `${talker} against ${others.join(' ')}`)
})
