// Half an hour of four people who are translated, mended and heard in another language all the time, by the platform as it is shipped but for
// a recogniser that costs nothing. Nothing may grow, and every final ends.
import assert from 'node:assert/strict'
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { test } from 'node:test'
import { silence } from '@parley/audio/testing'
import { createSession, type ParleySession } from '@parley/client'
import { sleep, systemClock } from '@parley/kernel'
import { eventually } from '@parley/kernel/testing'
import { median } from '../../benchmarks/lib/stats.ts'
import { type Platform, startPlatform } from '../lib/platform.ts'
import { startScriptedEars } from '../lib/scripted-ears.ts'
import { speak } from '../lib/speaker.ts'

const MINUTES = 30
const SESSIONS = 4
/** Sessions end and begin anew, as conversations do. */
const TALK_MS = 150_000
/** Engines have loaded and caches are warm by then. */
const SETTLED_MINUTES = 8
const COMPARED_MINUTES = 5
const PAGE_MB = 4096 / 1e6
const MAX_GROWTH_RATIO = 1.1
const MAX_GROWTH_MB = 24

const VERBS = ['we needs', 'they was looking for', 'she have found', 'nobody wants', 'I will bring']
const THINGS = ['a new timetable', 'an house by the river', 'the cheaper tickets', 'their report', 'an umbrella']

/** Other words each time, so that no cache has the answer. */
const sentenceOf = (turn: number): string =>
  `${VERBS[turn % VERBS.length]} ${THINGS[Math.floor(turn / 5) % THINGS.length]} on day ${turn + 1} of the journey`

interface Reading {
  readonly podMb: number
  readonly workerMb: number
  readonly pipelineProcesses: number
}

async function rssMb(pid: number): Promise<number> {
  return Number((await readFile(`/proc/${pid}/statm`, 'utf8')).split(' ')[1]) * PAGE_MB
}

/** Programs of Apertium that a process has started; the worker starts each as a process group of its own. */
async function pipelineProcesses(parent: number): Promise<number> {
  let count = 0
  for (const entry of await readdir('/proc')) {
    if (!/^\d+$/.test(entry)) continue
    const stat = await readFile(`/proc/${entry}/stat`, 'utf8').catch(() => '')
    if (Number(/\) \S (\d+)/.exec(stat)?.[1]) === parent) count++
  }
  return count
}

async function read({ podPid, workerPids }: Platform): Promise<Reading> {
  const worker = workerPids[0] as number
  const [podMb, workerMb] = await Promise.all([rssMb(podPid), rssMb(worker)])
  return { podMb, workerMb, pipelineProcesses: await pipelineProcesses(worker) }
}

interface Tally {
  finals: number
  ends: number
  failures: string[]
  voices: number
}

function count(session: ParleySession, tally: Tally): void {
  session.on('caption', ({ kind }) => {
    if (kind === 'final') tally.finals++
  })
  session.on('translation', ({ kind }) => {
    if (kind === 'final') tally.ends++
  })
  session.on('translationFailed', ({ language, reason }) => {
    tally.ends++
    tally.failures.push(`${language} ${reason}`)
  })
  session.on('voice', (voice) => {
    tally.voices++
    voice.on('audio', () => {})
  })
}

/** One person, from talk to talk, until the time is over. */
async function live(platform: Platform, untilMs: number, tally: Tally): Promise<void> {
  const captions = { translateTo: ['es', 'ca'], polish: 'partials', speak: ['es'] } as const
  while (systemClock.nowMs() < untilMs) {
    const session = await createSession({ url: platform.url, apiKey: platform.apiKey, captions })
    count(session, tally)
    await session.connect()
    await speak(session, silence(Math.min(TALK_MS, Math.max(1_000, untilMs - systemClock.nowMs()))))
    await session.close()
  }
}

test('half an hour of four sessions translated, mended and heard: nothing grows, every final ends', async (t) => {
  const folder = await mkdtemp(path.join(tmpdir(), 'parley-soak-'))
  const ears = await startScriptedEars(sentenceOf)
  t.after(() => ears.close())
  const file = path.join(folder, 'parley.json')
  const provider = { id: 'ears', protocol: 'deepgram', baseUrl: ears.url, roles: ['recognise'], languages: ['en'] }
  await writeFile(file, JSON.stringify({ providers: [provider] }))
  const platform = await startPlatform(['--workers', '1', '--config', file, '--set', 'speech.slotsPerWorker=8'])
  t.after(async () => {
    await platform.stop()
    await rm(folder, { recursive: true, force: true })
  })
  const tally: Tally = { finals: 0, ends: 0, failures: [], voices: 0 }
  const untilMs = systemClock.nowMs() + MINUTES * 60_000
  const living = Array.from({ length: SESSIONS }, () => live(platform, untilMs, tally))
  const readings: Reading[] = []
  for (let minute = 0; minute < MINUTES; minute++) {
    await Promise.race([sleep(systemClock, 60_000), Promise.all(living)])
    readings.push(await read(platform))
  }
  await Promise.all(living)
  const settled = readings.slice(SETTLED_MINUTES, SETTLED_MINUTES + COMPARED_MINUTES)
  const last = readings.slice(-COMPARED_MINUTES)
  t.diagnostic(JSON.stringify({ ...tally, first: readings[0], settled: settled[0], last: last.at(-1) }))
  for (const part of ['podMb', 'workerMb'] as const) {
    const [before, after] = [median(settled.map((each) => each[part])), median(last.map((each) => each[part]))]
    const bound = Math.max(before * MAX_GROWTH_RATIO, before + MAX_GROWTH_MB)
    assert.ok(after <= bound, `${part} grew from ${before} to ${after}: ${JSON.stringify(readings)}`)
  }
  const processes = (taken: readonly Reading[]) => Math.max(...taken.map((each) => each.pipelineProcesses))
  assert.ok(processes(last) <= processes(settled), JSON.stringify(readings))
  assert.ok(tally.finals > SESSIONS * MINUTES * 8, JSON.stringify(tally))
  assert.ok(tally.voices > tally.finals / 2, JSON.stringify(tally))
  await eventually(() => (tally.ends === 2 * tally.finals ? undefined : JSON.stringify(tally)), { withinMs: 31_000 })
  assert.deepEqual(tally.failures, [])
})
