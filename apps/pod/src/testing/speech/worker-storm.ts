// A storm over real worker processes with the engine that ships: kills, freezes and cuts at random while sessions speak. Audio is fed as fast as
// it is settled, and held back so that each blow falls on speech.
import assert from 'node:assert/strict'
import type { TestContext } from 'node:test'
import { concat, SENTENCES, silence, synthesise, VOICES } from '@parley/audio/testing'
import { type Random, Scope, seededRandom, sleep, systemClock } from '@parley/kernel'
import { eventually } from '@parley/kernel/testing'
import { type Relay, startRelay } from '@parley/lab'
import { silentLogger } from '@parley/telemetry'
import { createSpeechLinks, type SpeechLinks } from '../../speech/speech-links.ts'
import type { SlotReservation } from '../../speech/speech-port.ts'
import { PROBE_FORMAT, SpeechProbe } from './speech-probe.ts'
import { startWorkerProcess, TEST_SECRET, type WorkerProcess } from './worker-process.ts'

const FRAME_SAMPLES = 320
/** Fed ahead of what is settled: longer than any sentence and the pause after it, shorter than what a pod keeps of one session. */
const AHEAD_MS = 8_000
const FEED_PERIOD_MS = 20
const WORKERS = 3
const SLOTS = 4
/** What workers are missing for is not the question here, and on a busy machine it takes long until one has started. */
const WAIT_MS = 300_000
const FINISH_WITHIN_MS = 240_000

export interface StormOptions {
  readonly seed: number
  readonly streams: number
  readonly sentences: number
  readonly disturbances: number
  /** All workers are killed at once, and come back, in the middle of it. */
  readonly blackout: boolean
}

export interface StormReport {
  readonly kills: number
  readonly freezes: number
  readonly cuts: number
  readonly failovers: number
  readonly tookMs: number
}

/** What a session was told for good, in a form that is compared as a whole. */
const told = ({ finals, abandoned }: SpeechProbe): string =>
  JSON.stringify({ finals: finals.map(({ index, text, startMs, endMs }) => [index, text, startMs, endMs]), abandoned })

interface Place {
  readonly process: WorkerProcess
  readonly relay: Relay
  readonly url: string
}

/** Workers behind relays that cut, each replaced when it is killed. */
class WorkerYard {
  readonly #scope: Scope
  readonly #speech: SpeechLinks
  readonly #places = new Set<Place>()
  readonly #coming = new Set<Promise<void>>()
  readonly counts = { kills: 0, freezes: 0, cuts: 0 }

  constructor(scope: Scope, speech: SpeechLinks) {
    this.#scope = scope
    this.#speech = speech
  }

  add(): Promise<void> {
    const coming = this.#start().finally(() => this.#coming.delete(coming))
    this.#coming.add(coming)
    return coming
  }

  async #start(): Promise<void> {
    const process = await startWorkerProcess({ recogniser: 'real', slots: SLOTS })
    this.#scope.own(() => process.end())
    const to = { host: '127.0.0.1', port: Number(new URL(process.address.url).port) }
    const relay = await startRelay({ clock: systemClock, tcp: { to } })
    this.#scope.own(() => relay.close())
    this.#places.add({ process, relay, url: `ws://127.0.0.1:${relay.tcp?.port}` })
    this.#name()
  }

  async disturb(random: Random): Promise<void> {
    while (this.#places.size === 0) await Promise.race(this.#coming)
    const place = [...this.#places][Math.floor(random() * this.#places.size)] as Place
    const kind = Math.floor(random() * 3)
    if (kind === 0) this.#kill(place)
    else if (kind === 1) this.#freeze(place, 200 + random() * 6_000)
    else this.#cut(place, random() < 0.5 ? 'reset' : 'silent', 100 + random() * 5_000)
  }

  /** Every worker dies; resolves when as many are there again. */
  async blackOut(): Promise<void> {
    for (const place of [...this.#places]) this.#kill(place)
    await Promise.all(this.#coming)
  }

  #kill(place: Place): void {
    this.counts.kills++
    place.process.kill('SIGKILL')
    this.#places.delete(place)
    void place.relay.close()
    this.#name()
    void this.add()
  }

  #freeze({ process }: Place, forMs: number): void {
    this.counts.freezes++
    process.kill('SIGSTOP')
    this.#scope.after(forMs, () => process.kill('SIGCONT'))
  }

  #cut({ relay }: Place, how: 'reset' | 'silent', forMs: number): void {
    this.counts.cuts++
    relay.cut({ what: 'tcp', how, forMs: Math.round(forMs) })
  }

  #name(): void {
    this.#speech.setWorkers([...this.#places].map(({ process, url }) => ({ ...process.address, url })))
  }
}

async function recordingOf(voice: (typeof VOICES)[number], sentences: readonly string[]): Promise<Uint8Array[]> {
  const said = await Promise.all(sentences.map((sentence) => synthesise(sentence, voice)))
  const samples = concat(silence(400), ...said.flatMap((sentence) => [sentence, silence(700)]))
  const frames: Uint8Array[] = []
  for (let at = 0; at + FRAME_SAMPLES <= samples.length; at += FRAME_SAMPLES) {
    frames.push(new Uint8Array(samples.slice(at, at + FRAME_SAMPLES).buffer))
  }
  return frames
}

/** Speaks one recording into one stream, as far as it is told to. */
class Speaker {
  readonly probe = new SpeechProbe(() => systemClock.wallMs())
  readonly #frames: readonly Uint8Array[]
  #cursor = 0
  #isFlushed = false

  constructor(speech: SpeechLinks, slot: SlotReservation, sessionId: string, frames: readonly Uint8Array[]) {
    this.#frames = frames
    const options = { sessionId, language: 'en', format: PROBE_FORMAT, firstIndex: 0 }
    this.probe.stream = speech.open(slot, options, this.probe)
    // It is fed in fits and starts: that nothing comes for a while must not end a sentence.
    this.probe.stream.hold(true)
  }

  /** `share`: of the recording, up to which it may go. */
  feed(share: number): void {
    const { stream, settled } = this.probe
    const limit = Math.floor(this.#frames.length * share)
    const aheadUntil = ((settled.at(-1) ?? 0) + AHEAD_MS * 16) / FRAME_SAMPLES
    for (; this.#cursor < Math.min(limit, aheadUntil); this.#cursor++) {
      stream?.push(this.#cursor * FRAME_SAMPLES, this.#frames[this.#cursor] as Uint8Array, systemClock.wallMs())
    }
    if (this.#cursor < this.#frames.length || this.#isFlushed) return
    this.#isFlushed = true
    stream?.flush(1)
  }

  get isDone(): boolean {
    return this.probe.flushed.length === 1
  }
}

/** On a busy machine a worker may say that it is overloaded, and take no stream for a while. */
async function speakersOf(
  speech: SpeechLinks,
  recordings: readonly (readonly Uint8Array[])[],
  count: number,
): Promise<Speaker[]> {
  const speakers: Speaker[] = []
  for (let n = 0; n < count; n++) {
    let slot: SlotReservation | undefined
    await eventually(
      () => {
        const reserved = speech.reserve('en')
        if (reserved.ok) slot = reserved.value
        return reserved.ok ? undefined : reserved.error.message
      },
      { withinMs: 60_000 },
    )
    assert.ok(slot)
    speakers.push(new Speaker(speech, slot, `ses_${n}`, recordings[n % recordings.length] as readonly Uint8Array[]))
  }
  return speakers
}

async function finish(speakers: readonly Speaker[]): Promise<void> {
  await eventually(() => (speakers.every((speaker) => speaker.isDone) ? undefined : 'not everything is recognised'), {
    withinMs: FINISH_WITHIN_MS,
  })
  for (const { probe } of speakers) probe.stream?.close()
}

/** Compares what each stream is told in the storm with what it is told without; throws when one differs. */
export async function weatherStorm(context: TestContext, options: StormOptions): Promise<StormReport> {
  const { seed, streams, sentences, disturbances, blackout } = options
  const random = seededRandom(seed)
  const scope = new Scope(systemClock)
  context.after(() => scope.close())
  const speech = createSpeechLinks({
    clock: systemClock,
    config: { speech: { workerWaitMs: WAIT_MS } },
    podId: 'pod_test',
    fleetSecret: TEST_SECRET,
    logger: silentLogger,
  })
  scope.own(() => speech.close())
  const recordings = await Promise.all(
    VOICES.map((voice, n) =>
      recordingOf(
        voice,
        SENTENCES.slice(n * 3)
          .concat(SENTENCES)
          .slice(0, sentences),
      ),
    ),
  )
  const yard = new WorkerYard(scope, speech)
  await Promise.all(Array.from({ length: WORKERS }, () => yard.add()))
  await eventually(() => (speech.status().slots === WORKERS * SLOTS ? undefined : 'workers'), { withinMs: 60_000 })
  let share = 1
  let speakers = await speakersOf(speech, recordings, recordings.length)
  scope.every(FEED_PERIOD_MS, () => {
    for (const speaker of speakers) speaker.feed(share)
  })
  await finish(speakers)
  const calm = speakers.map(({ probe }) => told(probe))
  for (const { probe } of speakers) assert.ok(probe.finals.length >= sentences / 2, probe.said().join(' | '))

  const startMs = systemClock.nowMs()
  const before = speech.stats().failoversTotal
  await eventually(() => (speech.status().slotsUsed === 0 ? undefined : 'slots'), { withinMs: 10_000 })
  share = 0
  speakers = await speakersOf(speech, recordings, streams)
  for (let n = 0; n < disturbances; n++) {
    share = (n + 1) / disturbances
    await sleep(systemClock, 200 + random() * 1_400)
    if (blackout && n === Math.floor(disturbances / 2)) await yard.blackOut()
    else await yard.disturb(random)
  }
  await finish(speakers)
  for (const [n, { probe }] of speakers.entries()) {
    assert.equal(told(probe), calm[n % recordings.length], `stream ${n}, seed ${seed}`)
  }
  const failovers = speech.stats().failoversTotal - before
  return { ...yard.counts, failovers, tookMs: Math.round(systemClock.nowMs() - startMs) }
}
