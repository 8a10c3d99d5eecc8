// Speech for the sessions of this pod, over links to the speech workers there are: gives out slots, puts streams on
// workers, and puts them on others when a worker is gone. Implements SpeechPort; the set of workers is told to it.
import { type Clock, err, ok, type Result, Scope } from '@parley/kernel'
import { ParleyError, type SessionFence, type VoiceInfo, type WorkerEngine } from '@parley/protocol'
import { type Logger, NO_STAGES, SPAN, type StageTimer } from '@parley/telemetry'
import { LinkTextWorkers } from '../text/text-workers.ts'
import { AudioPool } from './audio-pool.ts'
import { matchLanguage } from './language-match.ts'
import type { SenderCounters } from './link-sender.ts'
import type { LinkAddress } from './link-socket.ts'
import { LinkTick } from './link-tick.ts'
import { Reservation } from './reservation.ts'
import type { SlotBook } from './slot-book.ts'
import { SpeakLinks } from './speak-links.ts'
import type { SpeakCounters } from './speak-stream.ts'
import type {
  OpenSpeechOptions,
  SlotReservation,
  Speaking,
  SpeakListener,
  SpeakPort,
  SpeakRequest,
  SpeechListener,
  SpeechPort,
  SpeechStatus,
} from './speech-port.ts'
import { LinkSpeechStream } from './speech-stream.ts'
import type { SpeechStreamContext, StreamCounters } from './speech-stream-context.ts'
import { type MoveCounters, StreamMover } from './stream-mover.ts'
import { type PlacementPolicy, type PlaceWish, StreamPlacer } from './stream-placer.ts'
import { type LinkOwner, WorkerLink } from './worker-link.ts'
import { type WorkerView, workerViewOf } from './worker-view.ts'

/** Liveness, deadlines and waits of all links and streams hang on this one timer. */
const CHECK_PERIOD_MS = 250
const KEPT_AUDIO_CAP_BYTES = 256 * 1024 * 1024
const RETRY_AFTER_MS = 1_000
/** Its multiples, modulo 1, lie far apart from each other. */
const GOLDEN_RATIO = 0.618_034

export interface SpeechLinksOptions {
  readonly clock: Clock
  readonly config: {
    readonly speech: {
      readonly workerWaitMs: number
      /** Least connections unless told. */
      readonly placement?: PlacementPolicy
      /** Workers started elsewhere, beside those of `setWorkers`. */
      readonly workerUrls?: readonly string[]
    }
  }
  readonly podId: string
  readonly fleetSecret: string
  readonly logger: Logger
  /** Bound on the audio kept for all sessions together (UT4), in memory handed out; 256 MiB unless told. */
  readonly keptAudioCapBytes?: number
  /** Of this loop; nobody measures unless told. */
  readonly stages?: StageTimer
  /** PEM certificates that wss workers are trusted by; those of the system unless told. */
  readonly caCertificates?: readonly string[] | undefined
  /** This pod's token of a session, as of now; none unless told. */
  readonly fenceOf?: (sessionId: string) => SessionFence | undefined
  /** A worker has seen a greater one of another owner; its stream waits until this pod's is greater, or the session is let go of. */
  readonly onFenced?: (sessionId: string) => void
}

export interface SpeechLinksStats extends StreamCounters, SenderCounters, MoveCounters, SpeakCounters {
  readonly linksUp: number
  readonly linkLosses: number
  readonly linkFaults: number
  readonly streams: number
  readonly streamsWaiting: number
  readonly keptAudioBytes: number
  readonly speeches: number
  readonly speechesWaiting: number
  /** Of the connected workers, for speeches. */
  readonly speechSlots: number
  readonly speechSlotsUsed: number
}

export function createSpeechLinks(options: SpeechLinksOptions): SpeechLinks {
  return new SpeechLinks(options)
}

export class SpeechLinks implements SpeechPort, SpeakPort, LinkOwner {
  /** What the same workers do about texts. */
  readonly texts: LinkTextWorkers
  readonly #options: SpeechLinksOptions
  readonly #stages: StageTimer
  readonly #scope: Scope
  readonly #tick: LinkTick
  readonly #pool: AudioPool
  readonly #context: SpeechStreamContext<LinkSpeechStream>
  readonly #placer: StreamPlacer
  readonly #mover: StreamMover
  readonly #links = new Map<string, WorkerLink>()
  readonly #streams = new Set<LinkSpeechStream>()
  /** Streams without a worker, longest wait first. */
  readonly #waiting = new Set<LinkSpeechStream>()
  readonly #reservations = new Set<Reservation>()
  readonly #listeners = new Set<() => void>()
  readonly #counters = {
    framesTotal: 0,
    frameBytesTotal: 0,
    framesLateTotal: 0,
    framesDroppedTotal: 0,
    framesExpiredTotal: 0,
    failoversTotal: 0,
    batches: 0,
    batchBytes: 0,
    stalls: 0,
    linkLosses: 0,
    linkFaults: 0,
    speechesTotal: 0,
    speechesFailedTotal: 0,
    speechSetbacksTotal: 0,
    speechAudioBytesTotal: 0,
    movedBehindTotal: 0,
    movedDrainingTotal: 0,
  }
  readonly #speaks: SpeakLinks
  #engineKey = ''
  #streamsMade = 0

  constructor(options: SpeechLinksOptions) {
    this.#options = options
    this.#stages = options.stages ?? NO_STAGES
    this.#scope = new Scope(options.clock)
    this.#tick = new LinkTick(options.clock)
    this.#scope.own(() => this.#tick.close())
    this.#pool = new AudioPool(options.keptAudioCapBytes ?? KEPT_AUDIO_CAP_BYTES)
    this.#context = {
      clock: options.clock,
      pool: this.#pool,
      logger: options.logger,
      stages: this.#stages,
      counters: this.#counters,
      workerWaitMs: options.config.speech.workerWaitMs,
      fenceOf: (sessionId) => options.fenceOf?.(sessionId),
      onFenced: (sessionId) => options.onFenced?.(sessionId),
      nextSpreadRatio: () => 0.5 + ((this.#streamsMade++ * GOLDEN_RATIO) % 1),
      onWaiting: (stream) => {
        this.#waiting.add(stream)
        this.#place()
      },
      onClosed: (stream) => {
        this.#streams.delete(stream)
        this.#waiting.delete(stream)
      },
    }
    const { placement = 'least-connections' } = options.config.speech
    this.#placer = new StreamPlacer(() => this.#links.values(), placement)
    this.#mover = new StreamMover(this.#placer, this.#counters)
    this.#speaks = new SpeakLinks({
      clock: options.clock,
      logger: options.logger,
      counters: this.#counters,
      workerWaitMs: options.config.speech.workerWaitMs,
      placer: this.#placer,
      links: () => this.#links.values(),
    })
    this.texts = new LinkTextWorkers({ placer: this.#placer, links: () => this.#links.values() })
    this.#scope.every(CHECK_PERIOD_MS, () => this.#check())
    this.setWorkers([])
  }

  /**
   * Desired state: links to exactly these workers and those of the configuration. Streams of a worker that is not named any more move to
   * others.
   */
  setWorkers(workers: readonly LinkAddress[]): void {
    if (this.#scope.isClosed) return
    const elsewhere = (this.#options.config.speech.workerUrls ?? []).map((url) => ({ workerId: undefined, url }))
    const wanted = new Map([...workers, ...elsewhere].map((worker) => [`${worker.workerId} ${worker.url}`, worker]))
    for (const [key, address] of wanted) {
      if (!this.#links.has(key)) this.#links.set(key, this.#newLink(address))
    }
    for (const [key, link] of this.#links) {
      if (wanted.has(key)) continue
      this.#links.delete(key)
      link.close()
    }
    this.#changed()
  }

  languages(): readonly string[] {
    const spoken = new Set<string>()
    for (const engine of this.#engines()) {
      if (engine.ready) for (const language of engine.languages) spoken.add(language)
    }
    return [...spoken].sort()
  }

  status(): SpeechStatus {
    let workers = 0
    let slots = 0
    let slotsUsed = 0
    for (const link of this.#links.values()) {
      if (!link.isUp) continue
      workers++
      slots += link.book.slots
      slotsUsed += link.book.used
    }
    const engines = this.#engines()
    return { ready: engines.some((engine) => engine.ready), workers, slots, slotsUsed, engines }
  }

  reserve(language: string, affinityKey?: string): Result<SlotReservation, ParleyError> {
    const languages = this.languages()
    if (languages.length === 0) return err(unavailable(this.#engines()))
    if (matchLanguage(language, languages) === undefined) {
      const message = `no engine recognises "${language.slice(0, 40)}"; known: ${languages.join(', ')}`
      return err(
        new ParleyError('LANGUAGE_UNSUPPORTED', { field: 'language', value: language, allowed: languages, message }),
      )
    }
    const wish = recognitionOf(language, affinityKey)
    const link = this.#placer.pick(wish)
    if (!link) return err(new ParleyError('NO_SLOT', { retryAfterMs: RETRY_AFTER_MS }))
    const reservation = new Reservation(language, wish, (over) => this.#reservations.delete(over))
    reservation.take(link)
    this.#reservations.add(reservation)
    return ok(reservation)
  }

  open(reservation: SlotReservation, options: OpenSpeechOptions, listener: SpeechListener): LinkSpeechStream {
    const { link, wish } =
      reservation instanceof Reservation
        ? reservation
        : { link: undefined, wish: recognitionOf(options.language, undefined) }
    reservation.release()
    const stream = new LinkSpeechStream(this.#context, wish, options, listener)
    this.#streams.add(stream)
    if (link?.isUp && link.report.state === 'ready') stream.assign(link)
    else {
      this.#waiting.add(stream)
      this.#place()
      // Told when `open` has returned: the session does not have its stream yet.
      queueMicrotask(() => stream.tellWaiting())
    }
    return stream
  }

  voices(): readonly VoiceInfo[] {
    return this.#speaks.voices()
  }

  speak(request: SpeakRequest, listener: SpeakListener): Speaking {
    return this.#speaks.speak(request, listener)
  }

  /**
   * Worker `workerId` gets no new streams from this pod, and hands over those it has until `withinMs` have passed, at the ends of utterances; what is
   * left is then moved wherever it is. Undefined for `withinMs` ends that. False when no link is to such a worker.
   */
  drainWorker(workerId: string, withinMs: number | undefined): boolean {
    const found = [...this.#links.values()].filter(({ key, workerId: id }) => id === workerId || key === workerId)
    const byMs = withinMs === undefined ? undefined : this.#options.clock.nowMs() + withinMs
    for (const link of found) link.report.drain(byMs)
    if (found.length > 0) this.#place()
    return found.length > 0
  }

  workers(): readonly WorkerView[] {
    return [...this.#links.values()].map(workerViewOf)
  }

  /** Calls `listener` when engines, their readiness or the number of slots change; returns the function that stops it. */
  onChange(listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  stats(): SpeechLinksStats {
    let linksUp = 0
    for (const link of this.#links.values()) if (link.isUp) linksUp++
    const { slots: speechSlots, slotsUsed: speechSlotsUsed } = this.#speaks.slots
    return {
      ...this.#counters,
      linksUp,
      streams: this.#streams.size,
      streamsWaiting: this.#waiting.size,
      keptAudioBytes: this.#pool.usedBytes,
      speeches: this.#speaks.size,
      speechesWaiting: this.#speaks.waiting,
      speechSlots,
      speechSlotsUsed,
    }
  }

  async close(): Promise<void> {
    for (const stream of this.#streams) stream.close()
    this.#speaks.close()
    for (const link of this.#links.values()) link.close()
    this.#links.clear()
    this.#listeners.clear()
    this.texts.close()
    await this.#scope.close()
  }

  onLoad(_link: WorkerLink): void {
    this.#place()
    this.#speaks.place()
    this.texts.changed()
    this.#changed()
  }

  onDown(link: WorkerLink): void {
    for (const reservation of this.#reservations) if (reservation.link === link) reservation.leave()
    this.#place()
    this.#speaks.place()
    this.texts.changed()
    this.#changed()
  }

  #newLink(address: LinkAddress): WorkerLink {
    const { clock, podId, fleetSecret, caCertificates, logger } = this.#options
    const credentials = { podId, fleetSecret, caCertificates }
    const [counters, stages] = [this.#counters, this.#stages]
    return new WorkerLink({ address, clock, credentials, logger, counters, stages, tick: this.#tick, owner: this })
  }

  /** Streams that wait go before reservations that lost their worker, and both before new ones. */
  #place(): void {
    const nowMs = this.#options.clock.nowMs()
    for (const stream of this.#waiting) {
      const { state } = stream
      if (state.kind !== 'waiting' || nowMs < state.retryAtMs || stream.isFencedOff) continue
      const link = this.#placer.pickUrgently(stream.wish)
      if (!link) continue
      this.#waiting.delete(stream)
      stream.assign(link)
    }
    for (const reservation of this.#reservations) {
      if (reservation.link) continue
      const link = this.#placer.pickUrgently(reservation.wish)
      if (link) reservation.take(link)
    }
  }

  #check(): void {
    this.#stages.enter(SPAN.timer)
    const nowMs = this.#options.clock.nowMs()
    const wallMs = this.#options.clock.wallMs()
    for (const link of this.#links.values()) link.check(nowMs)
    for (const stream of this.#streams) stream.check(nowMs, wallMs)
    this.#mover.check(nowMs, this.#links.values(), this.#streams)
    if (this.#waiting.size > 0) this.#place()
    this.#speaks.check(nowMs)
    this.#stages.leave()
  }

  /** One entry per engine name: ready when it is so anywhere, with the languages it recognises there. */
  #engines(): readonly WorkerEngine[] {
    const byName = new Map<string, WorkerEngine>()
    for (const link of this.#links.values()) {
      if (!link.isUp) continue
      for (const engine of link.report.engines) {
        const known = byName.get(engine.name)
        if (!known || (engine.ready && !known.ready)) byName.set(engine.name, engine)
        else if (engine.ready === known.ready) {
          const languages = [...new Set([...known.languages, ...engine.languages])]
          byName.set(engine.name, { ...known, languages })
        }
      }
    }
    return [...byName.values()]
  }

  #changed(): void {
    const { slots, engines } = this.status()
    const key = JSON.stringify([slots, engines])
    if (key === this.#engineKey) return
    this.#engineKey = key
    for (const listener of this.#listeners) listener()
  }
}

const recognitionOf = (language: string, affinityKey: string | undefined): PlaceWish<SlotBook> => ({
  fits: (link) => link.report.languageFor(language) !== undefined,
  book: (link) => link.book,
  affinityKey,
})

/** Says what is wrong with the engines when they have said so: their words name the command that mends it. */
function unavailable(engines: readonly WorkerEngine[]): ParleyError {
  const problems = [...new Set(engines.flatMap(({ ready, problem }) => (ready || !problem ? [] : [problem])))]
  const message = problems.length === 0 ? undefined : `no speech engine is ready: ${problems.join('; ')}`
  return new ParleyError('SPEECH_UNAVAILABLE', { retryAfterMs: RETRY_AFTER_MS, ...(message && { message }) })
}
