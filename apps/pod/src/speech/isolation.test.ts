// Many sessions on a few workers of this process, over real links: what each is told is what it would be told alone.
import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { type Random, seededRandom, systemClock } from '@parley/kernel'
import { eventually } from '@parley/kernel/testing'
import { silentLogger } from '@parley/telemetry'
import fc from 'fast-check'
import { type LocalWorker, startLocalWorker } from '../testing/speech/local-worker.ts'
import { SpeechProbe } from '../testing/speech/speech-probe.ts'
import { TEST_SECRET } from '../testing/speech/worker-process.ts'
import { createSpeechLinks, type SpeechLinks } from './speech-links.ts'

const SESSIONS = 50
const UTTERANCES = 4
const wallMs = () => systemClock.wallMs()
const until = (what: string, condition: () => boolean) =>
  eventually(() => (condition() ? undefined : what), { withinMs: 20_000 })

/** A stretch of one session's audio. */
type Stretch = { readonly say: number; readonly frames: number } | { readonly pauseFrames: number }

function linksOf(t: TestContext): SpeechLinks {
  const config = { speech: { workerWaitMs: 30_000 } }
  const speech = createSpeechLinks({
    clock: systemClock,
    config,
    podId: 'pod_test',
    fleetSecret: TEST_SECRET,
    logger: silentLogger,
  })
  t.after(() => speech.close())
  return speech
}

/** Words that no other session says, of uneven length, with pauses that end utterances and some that do not. */
function scriptOf(session: number, random: Random): Stretch[] {
  const script: Stretch[] = []
  let word = 100 * (session + 1)
  for (let utterance = 0; utterance < UTTERANCES; utterance++) {
    const words = 1 + Math.floor(random() * 4)
    for (let n = 0; n < words; n++) {
      script.push({ say: word++, frames: 1 + Math.floor(random() * 8) })
      if (random() < 0.3) script.push({ pauseFrames: 1 + Math.floor(random() * 10) })
    }
    script.push({ pauseFrames: 18 + Math.floor(random() * 10) })
  }
  return script
}

function speak(session: SpeechProbe, stretch: Stretch): void {
  if ('say' in stretch) session.frames(stretch.say, stretch.frames)
  else session.frames(0, stretch.pauseFrames)
}

/** All that a session is told for good; partials may differ in number, not in what they come to. */
const told = ({ finals, abandoned }: SpeechProbe) => {
  const texts = finals.map(({ index, text, startMs, endMs }) => ({ index, text, startMs, endMs }))
  return JSON.stringify({ texts, abandoned })
}

async function aloneOn(speech: SpeechLinks, script: readonly Stretch[]): Promise<string> {
  const session = new SpeechProbe(wallMs).open(speech, 'ses_alone')
  for (const stretch of script) speak(session, stretch)
  session.stream?.flush(1)
  await until('flushed', () => session.flushed.length === 1)
  session.stream?.close()
  return told(session)
}

/** Takes a worker away, or cuts its link, or puts another in its place. */
async function disturb(t: TestContext, speech: SpeechLinks, workers: LocalWorker[], random: Random): Promise<void> {
  const at = Math.floor(random() * workers.length)
  const victim = workers[at] as LocalWorker
  const others = workers.filter((worker) => worker !== victim)
  if (random() < 0.5) {
    workers[at] = await startLocalWorker(t, { slots: 30 })
    await victim.worker.close()
  } else speech.setWorkers(others.map(({ address }) => address))
  speech.setWorkers(workers.map(({ address }) => address))
}

async function together(t: TestContext, scripts: readonly (readonly Stretch[])[], random: Random): Promise<string[]> {
  const speech = linksOf(t)
  const workers = await Promise.all([1, 2, 3].map(() => startLocalWorker(t, { slots: 30 })))
  speech.setWorkers(workers.map(({ address }) => address))
  await until('links', () => speech.status().workers === 3)
  const sessions = scripts.map((_script, n) => new SpeechProbe(wallMs).open(speech, `ses_${n}`))
  const cursors = scripts.map(() => 0)
  const unfinished = () => cursors.flatMap((cursor, n) => (cursor < (scripts[n]?.length ?? 0) ? [n] : []))
  for (let left = unfinished(), step = 0; left.length > 0; left = unfinished(), step++) {
    const n = left[Math.floor(random() * left.length)] as number
    speak(sessions[n] as SpeechProbe, scripts[n]?.[cursors[n] as number] as Stretch)
    cursors[n] = (cursors[n] as number) + 1
    if (random() < 0.01) await disturb(t, speech, workers, random)
    if (random() < 0.02) passBy(speech, 9_000 + step)
    if (step % 40 === 0) await new Promise((resolve) => setImmediate(resolve))
  }
  for (const { stream } of sessions) stream?.flush(1)
  await until('all flushed', () => sessions.every((session) => session.flushed.length === 1))
  return sessions.map(told)
}

/** A session that comes, says something no one else says, and leaves in the middle of it. */
function passBy(speech: SpeechLinks, word: number): void {
  const reserved = speech.reserve('en-US')
  if (!reserved.ok) return
  reserved.value.release()
  const visitor = new SpeechProbe(wallMs).open(speech, `ses_by_${word}`).frames(word, 3)
  setImmediate(() => visitor.stream?.close())
}

test(`[PW7] property: of ${SESSIONS} streams that come, go and fail over at random, each is told what it is told alone`, async (t) => {
  await fc.assert(
    fc.asyncProperty(fc.integer(), async (seed) => {
      const random = seededRandom(seed)
      const scripts = Array.from({ length: SESSIONS }, (_, n) => scriptOf(n, random))
      const alone: string[] = []
      const quiet = linksOf(t)
      quiet.setWorkers([(await startLocalWorker(t)).address])
      await until('a link', () => quiet.status().workers === 1)
      for (const script of scripts) alone.push(await aloneOn(quiet, script))
      const crowd = await together(t, scripts, random)
      assert.equal(new Set(alone).size, SESSIONS)
      assert.deepEqual(crowd, alone)
    }),
    { numRuns: 3 },
  )
})
