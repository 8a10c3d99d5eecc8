import assert from 'node:assert/strict'
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { PassThrough } from 'node:stream'
import test, { type TestContext } from 'node:test'
import { systemClock } from '@parley/kernel'
import type { CliContext } from '../context.ts'
import { EXIT } from '../exit-codes.ts'
import { Output, style } from '../output/index.ts'
import { writeRun } from '../platform/run-file.ts'
import { runCli } from '../program.ts'
import type { BudgetsReport, ProviderBudget } from './budgets-shape.ts'
import { budgetLines } from './view.ts'

const LIMITS = { requestsPerMinute: 450, tokensPerMinute: 90_000, partialConcurrency: 5, finalConcurrency: 2 }
const OPENAI: ProviderBudget = {
  id: 'openai',
  provider: { requestsPerMinute: 500, tokensPerMinute: 100_000, safetyRatio: 0.9 },
  limits: LIMITS,
  slice: LIMITS,
  isStoreLost: false,
  used: { requestsPerMinute: 449.6, tokensPerMinute: 12_345.4, partials: 1, finals: 2, pausedForMs: 0 },
  waiting: { partial: 3, final: 1, longestMs: 900 },
  calls: 1_234,
  skipped: 17,
  delayed: 4,
  rateLimited: 0,
}
const REPORT: BudgetsReport = {
  budgets: [OPENAI],
  engines: [
    {
      kind: 'translate',
      name: 'apertium',
      provider: null,
      state: 'not ready',
      problem: 'apertium is not installed; sudo apt-get install apertium',
      answered: 0,
      failed: {},
      lost: 0,
    },
    {
      kind: 'translate',
      name: 'openai',
      provider: 'openai',
      state: 'ready',
      answered: 9,
      failed: { BUSY: 2 },
      lost: 1,
    },
  ],
  cache: {
    maxBytes: 16_777_216,
    hitRatio: 0.256,
    partial: { entries: 10, bytes: 4_000, hits: 1, misses: 9 },
    final: { entries: 300, bytes: 1_048_576, hits: 90, misses: 210 },
  },
}

test('[BUD1] the tables say what is used of what, who waits, what was skipped, and what the cache saves', () => {
  assert.deepEqual(budgetLines(REPORT, style(false)), [
    'provider  requests/min  tokens/min      calls now                     waiting             skipped  delayed  refused',
    'openai    450 of 450    12345 of 90000  partial 1 of 5, final 2 of 2  3 partial, 1 final  17       4        0',
    '',
    'engine    kind       state                                                                answered  failed',
    'apertium  translate  not ready: apertium is not installed; sudo apt-get install apertium  0         0',
    'openai    translate  ready                                                                9         2 BUSY, 1 with their worker',
    '',
    'cache: 25.6 % of texts found; 300 (1.0 MiB) finals, 10 (0.0 MiB) partials, of 16.0 MiB',
  ])
})

test('[BUD2] what is wrong is said in words below the table', () => {
  const unlimited = { ...LIMITS, requestsPerMinute: null }
  const troubled: ProviderBudget = {
    ...OPENAI,
    slice: unlimited,
    isStoreLost: true,
    used: { ...OPENAI.used, pausedForMs: 12_340 },
    waiting: { partial: 0, final: 9, longestMs: 8_000 },
  }
  const lines = budgetLines({ ...REPORT, budgets: [troubled], engines: [] }, style(false))
  assert.match(lines[1] as string, /openai +450 of any/)
  assert.deepEqual(lines.slice(2), [
    'openai: the provider wants to be left alone for 12.3 s',
    'openai: the longest has waited 8.0 s',
    'openai: the store of shared budgets does not answer; this pod goes on with what it had',
    'openai: the rest of the budget is with other pods',
    '',
    'no engines: no speech worker that is connected translates or polishes',
    '',
    'cache: 25.6 % of texts found; 300 (1.0 MiB) finals, 10 (0.0 MiB) partials, of 16.0 MiB',
  ])
  const lost = budgetLines({ ...REPORT, budgets: [{ ...OPENAI, isStoreLost: true, sharedAmong: 3 }] }, style(false))
  assert.ok(
    lost.includes(
      'openai: the store of shared budgets does not answer; this pod goes on with an equal share: one of 3',
    ),
  )
  const shared = { hits: 3, misses: 9, passed: 2, kept: 7 }
  const sharing = budgetLines({ ...REPORT, cache: { ...REPORT.cache, shared } }, style(false))
  assert.equal(
    sharing.at(-1),
    'shared with other pods: 25.0 % of 12 finals asked for; 2 not asked for, or not answered in time',
  )
  const none = budgetLines({ ...REPORT, budgets: [], cache: { ...REPORT.cache, maxBytes: 0 } }, style(false))
  assert.equal(none[0], 'no budgets: no provider translates or polishes')
  assert.equal(none.at(-1), 'cache: off')
})

/** A platform whose admin listener answers that to GET /budgets. */
async function fakePlatform(t: TestContext, status: number, body: unknown): Promise<string> {
  const dataDir = await mkdtemp(path.join(tmpdir(), 'parley-budgets-'))
  await mkdir(path.join(dataDir, 'run'))
  const socket = path.join(dataDir, 'run/admin.sock')
  const server = createServer((request, response) => {
    const isAsked = request.method === 'GET' && request.url === '/budgets'
    response.writeHead(isAsked ? status : 404, { 'content-type': 'application/json' }).end(JSON.stringify(body))
  })
  await new Promise<void>((resolve) => server.listen(socket, resolve))
  const [url, adminUrl] = ['http://127.0.0.1:8080', `unix:${socket}`]
  await writeRun(dataDir, { url, pid: process.pid, adminUrl, podPid: process.pid, startedAtMs: 1 })
  t.after(async () => {
    server.closeAllConnections()
    await new Promise<void>((resolve) => server.close(() => resolve()))
    await rm(dataDir, { recursive: true, force: true })
  })
  return dataDir
}

async function run(dataDir: string, ...args: string[]) {
  const [stdout, stderr] = [new PassThrough(), new PassThrough()]
  const output = new Output({ stdout, stderr }, {})
  const context: CliContext = { env: {}, cwd: '/', homeDir: '/nonexistent', clock: systemClock, output }
  const before = process.exitCode
  const exitCode = await runCli(['budgets', ...args, '--data-dir', dataDir], context)
  process.exitCode = before ?? 0
  return { exitCode, out: String(stdout.read() ?? ''), err: String(stderr.read() ?? '') }
}

test('[BUD1] --json is one document with what the platform says', async (t) => {
  const dataDir = await fakePlatform(t, 200, REPORT)
  const json = await run(dataDir, '--json')
  assert.equal(json.exitCode, EXIT.ok)
  assert.deepEqual(JSON.parse(json.out), REPORT)
  assert.match((await run(dataDir)).out, /^provider +requests\/min/)
})

test('[BUD2] no platform, a refused token and an answer that is none have their exit codes', async (t) => {
  const none = await run('/nonexistent')
  assert.deepEqual([none.exitCode, /start one with \.\/parley up/.test(none.err)], [EXIT.missing, true])
  const refused = await run(await fakePlatform(t, 401, {}))
  assert.deepEqual([refused.exitCode, /admin\.token/.test(refused.err)], [EXIT.permission, true])
  const older = await run(await fakePlatform(t, 404, {}))
  assert.deepEqual([older.exitCode, /earlier version/.test(older.err)], [EXIT.failed, true])
})
