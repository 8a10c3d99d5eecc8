import assert from 'node:assert/strict'
import { request } from 'node:http'
import { type TestContext, test } from 'node:test'
import { startTestPod } from '../testing/pod-harness.ts'
import { APERTIUM, deskRig, OPENAI, OPENAI_PROVIDER } from '../testing/text/desk-rig.ts'
import type { TextReport } from './text-report.ts'

const PROVIDER = { ...OPENAI_PROVIDER, requestsPerMinute: 67, tokensPerMinute: 20_000 }

/** A desk that has been through something: an answer, a hit, a skip, a delay, a limit, a useless answer. */
async function busyDesk(t: TestContext) {
  const rig = await deskRig(t, { providers: [PROVIDER] }, OPENAI, APERTIUM)
  const { workers, ask, pass } = rig
  ask({ to: 'de' })
  workers.last.answer('hallo', { inputTokens: 150, outputTokens: 50 })
  ask({ to: 'de' })
  ask({ to: 'de', text: 'useless' })
  workers.last.fail('REFUSED_LANGUAGE')
  ask({ to: 'de', text: 'limited' })
  workers.last.fail('RATE_LIMITED', 10_000)
  ask({ to: 'de', text: 'partial', isFinal: false })
  await pass(3_000, 100)
  return rig
}

async function read(adminUrl: string, path: string): Promise<string> {
  const socketPath = adminUrl.replace(/^unix:/, '')
  return new Promise((resolve, reject) => {
    const call = request({ socketPath, path }, (response) => {
      let text = ''
      response.on('data', (chunk) => {
        text += chunk
      })
      response.once('end', () => resolve(text))
    })
    call.once('error', reject)
    call.end()
  })
}

test('[TS16] GET /budgets tells budgets, engines and cache as they are', async (t) => {
  const { desk } = await busyDesk(t)
  const { pod } = await startTestPod(t, { overrides: { text: desk } })
  const report = JSON.parse(await read(pod.adminUrl, '/budgets')) as TextReport
  const [budget] = report.budgets
  assert.equal(report.budgets.length, 1)
  assert.deepEqual(budget, {
    id: 'openai',
    provider: { requestsPerMinute: 67, tokensPerMinute: 20_000, safetyRatio: 0.9 },
    limits: { requestsPerMinute: 60, tokensPerMinute: 18_000, partialConcurrency: 5, finalConcurrency: 2 },
    slice: { requestsPerMinute: 60, tokensPerMinute: 18_000, partialConcurrency: 5, finalConcurrency: 2 },
    isStoreLost: false,
    sharedAmong: null,
    used: { requestsPerMinute: 3, tokensPerMinute: 200 + 2 * 202, partials: 0, finals: 0, pausedForMs: 7_000 },
    waiting: { partial: 0, final: 1, longestMs: 3_000 },
    calls: 3,
    skipped: 1,
    delayed: 0,
    rateLimited: 1,
  })
  assert.deepEqual(
    report.engines.map(({ name, state, answered, failed }) => [name, state, answered, failed]),
    [
      ['apertium', 'ready', 0, {}],
      ['openai', 'ready', 1, { RATE_LIMITED: 1, REFUSED_LANGUAGE: 1 }],
    ],
  )
  assert.deepEqual([report.cache.final.hits, report.cache.final.misses, report.cache.hitRatio], [1, 3, 0.2])
  assert.deepEqual(report.jobs, { called: 0, waiting: 1, parked: 0, resting: 0 })
})

test('[TS16] the metrics tell the same, and name no session, tenant or text', async (t) => {
  const { desk } = await busyDesk(t)
  const { pod } = await startTestPod(t, { overrides: { text: desk } })
  const metrics = await read(pod.adminUrl, '/metrics')
  const lines = [
    'parley_text_asked_total{class="final"} 4',
    'parley_text_outcomes_total{class="final",outcome="cached"} 1',
    'parley_text_partials_skipped_total{reason="budget"} 1',
    'parley_text_finals_failed_total{reason="refused"} 1',
    'parley_text_call_failures_total{kind="translate",engine="openai",code="RATE_LIMITED"} 1',
    'parley_text_refused_total{reason="language"} 1',
    'parley_text_cache_hits_total{class="final"} 1',
    'parley_text_engine_ready{kind="translate",engine="openai"} 1',
    'parley_budget_used_ratio{provider="openai",resource="requests"} 0.05',
    'parley_budget_waiting{provider="openai",class="final"} 1',
    'parley_budget_paused{provider="openai"} 1',
    'parley_text_jobs{state="waiting"} 1',
  ]
  for (const line of lines) assert.ok(metrics.split('\n').includes(line), line)
  assert.ok(!/ses_a|acme|useless|hallo/.test(metrics))
})

test('[TS16] a pod without a text service says that there is nothing', async (t) => {
  const { pod } = await startTestPod(t)
  const report = JSON.parse(await read(pod.adminUrl, '/budgets')) as TextReport
  assert.deepEqual([report.budgets, report.engines, report.cache.maxBytes], [[], [], 0])
})
