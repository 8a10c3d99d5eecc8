// Two pods, a Redis and a speech worker as processes of their own, and sessions that speak to them at true pace: what is said is known word for word,
// so that a word that is lost or comes twice shows.
import { connect } from 'node:net'
import { createSession, type ParleySession } from '@parley/client'
import { RedisServer } from '@parley/fleet/testing'
import { randomToken, systemClock } from '@parley/kernel'
import { eventually } from '@parley/kernel/testing'
import { startWorkerProcess, type WorkerProcess } from '../../apps/pod/src/testing/speech/worker-process.ts'
import type { BenchContext } from './benchmark.ts'
import { BenchChild } from './child.ts'
import type { FleetPodAddress, FleetPodOptions } from './fleet-pod.ts'

const FRAME_MS = 60
const FRAME_SAMPLES = 960
/** A word is two frames of one value; the silence behind it ends the utterance. */
const WORD_FRAMES = 2
const PERIOD_FRAMES = 33
/** Either pod has room for all of them. */
const SPARE_SEATS = 10
const WORKER_SLOTS = 200
const STOP_MS = 3_000
/** Sessions that are opened at a time. */
const AT_A_TIME = 20

export interface BedPod extends FleetPodAddress {
  readonly child: BenchChild
}

export class FleetBed {
  readonly redis: RedisServer
  readonly pods: BedPod[] = []
  readonly apiKey: string
  readonly #workers: WorkerProcess[] = []

  private constructor(redis: RedisServer, apiKey: string) {
    this.redis = redis
    this.apiKey = apiKey
  }

  static async start(sessions: number): Promise<FleetBed> {
    const [secret, apiKey] = [randomToken(32), `pk_${randomToken(24)}`]
    const bed = new FleetBed(await RedisServer.start(), apiKey)
    try {
      await bed.#start(sessions, secret)
      return bed
    } catch (error) {
      await bed.stop()
      throw error
    }
  }

  /** While a session changes its pod it has two streams. */
  async #start(sessions: number, secret: string): Promise<void> {
    const { redis, apiKey, pods } = this
    for (let slots = sessions * 2; slots > 0; slots -= WORKER_SLOTS) {
      this.#workers.push(await startWorkerProcess({ slots: Math.min(slots, WORKER_SLOTS), fleetSecret: secret }))
    }
    const workers = this.#workers.map(({ address }) => address)
    const options: FleetPodOptions = { workers, secret, redisUrl: redis.url, apiKey, seats: sessions + SPARE_SEATS }
    for (let n = 0; n < 2; n++) {
      const child = new BenchChild(new URL('./fleet-pod.ts', import.meta.url).pathname)
      pods.push({ child, ...(await child.ask<FleetPodAddress>('listen', options)) })
    }
  }

  async stop(): Promise<void> {
    for (const { child } of this.pods) {
      if (!child.isGone) await Promise.race([child.ask('stop'), wait(STOP_MS)]).catch(() => {})
      await child.stop()
    }
    for (const worker of this.#workers) await worker.end()
    await this.redis.stop()
  }

  /** Scripts that clients have had Redis run so far. */
  async redisCommands(): Promise<number> {
    const info = await redisInfo(this.redis.port)
    return [...info.matchAll(/^cmdstat_eval(?:sha)?:calls=(\d+)/gm)].reduce((sum, [, calls]) => sum + Number(calls), 0)
  }

  /** All of them speak, spread over both pods. */
  async speakers(count: number, context: BenchContext): Promise<Speakers> {
    const url = this.pods[0]?.url ?? ''
    const open = async (n: number): Promise<Speaker> => {
      const audio = { codec: 'pcm16', sampleRateHz: 16_000, frameMs: FRAME_MS } as const
      const session = await whenThereIsRoom({ url, apiKey: this.apiKey, user: `user-${n}`, udp: 'off', audio })
      const speaker = new Speaker(session, n % PERIOD_FRAMES)
      await session.connect()
      return speaker
    }
    const all: Speaker[] = []
    while (all.length < count) {
      const size = Math.min(AT_A_TIME, count - all.length)
      all.push(...(await Promise.all(Array.from({ length: size }, (_, n) => open(all.length + n)))))
    }
    context.progress(`${count} sessions speak`)
    return new Speakers(all)
  }
}

/** One session, and what it has heard of what it said. */
export class Speaker {
  readonly session: ParleySession
  readonly #phase: number
  #frame = 0
  #isSpeaking = true
  readonly heard: number[] = []
  /** Instants of new connections, and the pods they were to. */
  readonly resumed: { readonly atMs: number; readonly awayMs: number; readonly movedTo: string | undefined }[] = []
  /** Of the newest final. */
  lastFinalAtMs = 0
  problem: string | undefined

  constructor(session: ParleySession, phase: number) {
    this.session = session
    this.#phase = phase
    session.on('caption', ({ kind, text }) => {
      if (kind !== 'final') return
      this.lastFinalAtMs = systemClock.nowMs()
      for (const [, word] of text.matchAll(/w(\d+)/g)) this.heard.push(Number(word))
    })
    session.on('resumed', ({ awayMs, movedTo }) => this.resumed.push({ atMs: systemClock.nowMs(), awayMs, movedTo }))
    session.on('state', (state) => {
      if (state.kind === 'lost') this.problem = state.error.message
      else if (state.kind === 'closed' && state.reason !== 'client_left') this.problem = state.message
    })
  }

  get podId(): string | undefined {
    return this.session.welcome?.podId
  }
  get said(): number {
    return Math.floor((this.#frame + this.#phase) / PERIOD_FRAMES)
  }

  /** The next frame; once it is to stop, the word under way is said and nothing more. */
  speak(): void {
    const at = (this.#frame + this.#phase) % PERIOD_FRAMES
    if (!this.#isSpeaking && at === 0) return
    const isWord = at >= PERIOD_FRAMES - WORD_FRAMES
    this.session.sendPcm(new Int16Array(FRAME_SAMPLES).fill(isWord ? this.said + 1 : 0))
    this.#frame++
  }

  stop(): void {
    this.#isSpeaking = false
  }

  /** Words that never came, and words that came again. */
  faults(): { readonly lost: number; readonly doubled: number } {
    const counts = new Map<number, number>()
    for (const word of this.heard) counts.set(word, (counts.get(word) ?? 0) + 1)
    let lost = 0
    for (let word = 1; word <= this.said; word++) if (!counts.has(word)) lost++
    return { lost, doubled: this.heard.length - counts.size }
  }
}

export class Speakers {
  readonly all: readonly Speaker[]
  readonly #timer: NodeJS.Timeout
  #frames = 0
  readonly #startMs = systemClock.nowMs()

  constructor(all: readonly Speaker[]) {
    this.all = all
    this.#timer = setInterval(() => this.#pace(), FRAME_MS / 3)
  }

  at(podId: string): Speaker[] {
    return this.all.filter((speaker) => speaker.podId === podId)
  }

  /** Until every one has heard `words` more. */
  async more(words: number): Promise<void> {
    const goal = new Map(this.all.map((speaker) => [speaker, speaker.heard.length + words]))
    await eventually(
      () => {
        const behind = this.all.filter((speaker) => speaker.heard.length < (goal.get(speaker) ?? 0)).length
        return behind === 0 ? undefined : `${behind} sessions have not heard ${words} words more`
      },
      { withinMs: 60_000, everyMs: 50 },
    )
  }

  /** Everybody falls silent, what was said is waited for, and all is compared. */
  async finish(): Promise<{
    readonly finals: number
    readonly lost: number
    readonly doubled: number
    readonly problems: string[]
  }> {
    for (const speaker of this.all) speaker.stop()
    await wait(FRAME_MS * (PERIOD_FRAMES + 2))
    clearInterval(this.#timer)
    const problems: string[] = []
    const ends = await Promise.allSettled(this.all.map(({ session }) => session.endAudio()))
    for (const end of ends) if (end.status === 'rejected') problems.push(String(end.reason))
    for (const { problem } of this.all) if (problem !== undefined) problems.push(problem)
    const faults = this.all.map((speaker) => speaker.faults())
    await Promise.all(this.all.map(({ session }) => session.close()))
    return {
      finals: this.all.reduce((sum, { heard }) => sum + heard.length, 0),
      lost: faults.reduce((sum, { lost }) => sum + lost, 0),
      doubled: faults.reduce((sum, { doubled }) => sum + doubled, 0),
      problems,
    }
  }

  #pace(): void {
    const due = Math.floor((systemClock.nowMs() - this.#startMs) / FRAME_MS)
    for (; this.#frames < due; this.#frames++) for (const speaker of this.all) speaker.speak()
  }
}

/** How many sessions: `PARLEY_BENCH_SESSIONS` where a machine is small, else `full`, or `quick`. */
export function sessionsWanted({ quick }: BenchContext, full: number, few: number): number {
  const told = Number(process.env.PARLEY_BENCH_SESSIONS ?? '')
  return Number.isInteger(told) && told > 0 ? told : quick ? few : full
}

const wait = (ms: number): Promise<void> => new Promise((resolve) => void setTimeout(resolve, ms))

/** Of a burst only some are taken between two reports of the pods; the rest comes again. */
const whenThereIsRoom: typeof createSession = (options) =>
  createSession({ ...options, waitForPlaceMs: Number.POSITIVE_INFINITY })

function redisInfo(port: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => socket.write('INFO commandstats\r\nQUIT\r\n'))
    let text = ''
    socket.setEncoding('utf8')
    socket.on('data', (part: string) => {
      text += part
    })
    socket.on('close', () => resolve(text))
    socket.on('error', reject)
  })
}
