// The port over recognisers that live elsewhere: who may have a stream, which languages there are, and the streams there are. How one hears is
// the business of its stream.
import { type Clock, err, ok, type Result, Scope } from '@parley/kernel'
import type {
  OpenStreamOptions,
  Recogniser,
  RecogniserRefusal,
  RecogniserStatus,
  RecognitionBacklog,
  RecognitionListener,
  RecognitionStream,
} from '../../recogniser.ts'
import { languageFit } from '../../synthesis/speak-request.ts'

/** A stream as its recogniser sees it. */
export interface HostedStream extends RecognitionStream {
  /** To be called every now and then. */
  checkIdle(nowMs: number): void
  /** Audio that is kept because it is not decided, and audio that was lost for want of room. */
  backlog(): Omit<RecognitionBacklog, 'oldestMs'>
}

/** Where streams come from. */
export interface HostedEngine {
  readonly name: string
  /** BCP 47. */
  readonly languages: readonly string[]
  /** Why no stream can be had now; undefined when one can. */
  problem(): string | undefined
  /** Finds out whether it can be reached. Rejects never. */
  start(): Promise<void>
  /** Rejects never. `onReleased` is to be called once, when the stream uses nothing any more. */
  open(
    options: OpenStreamOptions & { readonly scope: Scope },
    listener: RecognitionListener,
    onReleased: () => void,
  ): Promise<Result<HostedStream, RecogniserRefusal>>
  close(): Promise<void>
}

export interface HostedRecogniserOptions {
  readonly clock: Clock
  /** Streams at once; >= 1. */
  readonly slots: number
}

const IDLE_CHECK_MS = 100
const NO_SLOT_RETRY_MS = 2_000
const UNAVAILABLE_RETRY_MS = 5_000

export class HostedRecogniser implements Recogniser {
  readonly name: string
  readonly #engine: HostedEngine
  readonly #slots: number
  readonly #scope: Scope
  readonly #streams = new Set<HostedStream>()
  #slotsUsed = 0
  #lostMsTotal = 0
  #isStarted = false
  #closing: Promise<void> | undefined

  constructor(engine: HostedEngine, { clock, slots }: HostedRecogniserOptions) {
    this.name = engine.name
    this.#engine = engine
    this.#slots = slots
    this.#scope = new Scope(clock)
    this.#scope.every(IDLE_CHECK_MS, () => {
      for (const stream of this.#streams) stream.checkIdle(clock.nowMs())
    })
  }

  status(): RecogniserStatus {
    const problem = this.#engine.problem()
    const isReady = this.#isStarted && problem === undefined && !this.#closing
    return {
      name: this.name,
      languages: this.#engine.languages,
      ready: isReady,
      ...(problem === undefined ? {} : { problem }),
      slots: isReady ? this.#slots : 0,
      slotsUsed: this.#slotsUsed,
      decodersWarm: 0,
      backlog: this.#backlog(),
    }
  }

  async start(): Promise<void> {
    await this.#engine.start()
    this.#isStarted = true
  }

  async openStream(
    options: OpenStreamOptions,
    listener: RecognitionListener,
  ): Promise<Result<RecognitionStream, RecogniserRefusal>> {
    const { languages } = this.#engine
    if (!languages.some((known) => languageFit(known, options.language) > 0)) {
      const message = `"${options.language}" is not recognised by ${this.name}; ${languages.join(', ')} is`
      return err({ code: 'LANGUAGE_UNSUPPORTED', message })
    }
    const problem = this.#closing ? `${this.name} is closed` : this.#engine.problem()
    if (problem !== undefined) {
      return err({ code: 'SPEECH_UNAVAILABLE', message: problem, retryAfterMs: UNAVAILABLE_RETRY_MS })
    }
    if (this.#slotsUsed >= this.#slots) {
      const message = `all ${this.#slots} slots of ${this.name} are taken`
      return err({ code: 'NO_SLOT', message, retryAfterMs: NO_SLOT_RETRY_MS })
    }
    this.#slotsUsed++
    const scope = this.#scope.child()
    let stream: HostedStream | undefined
    const onReleased = () => {
      if (!stream || !this.#streams.delete(stream)) return
      this.#slotsUsed--
      this.#lostMsTotal += stream.backlog().lostMsTotal
      void scope.close()
    }
    const opened = await this.#engine.open({ ...options, scope }, listener, onReleased)
    if (!opened.ok) {
      this.#slotsUsed--
      await scope.close()
      return opened
    }
    stream = opened.value
    this.#streams.add(stream)
    if (this.#closing) {
      await stream.close()
      return err({ code: 'SPEECH_UNAVAILABLE', message: `${this.name} is closed`, retryAfterMs: UNAVAILABLE_RETRY_MS })
    }
    return ok(stream)
  }

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    await Promise.all([...this.#streams].map((stream) => stream.close()))
    await this.#scope.close()
    await this.#engine.close()
  }

  /** That audio waits for somebody else's machine says nothing about the load of this one: nothing counts as old. */
  #backlog(): RecognitionBacklog {
    const total = { audioMs: 0, oldestMs: 0, lostMsTotal: this.#lostMsTotal }
    for (const stream of this.#streams) {
      const { audioMs, lostMsTotal } = stream.backlog()
      total.audioMs += audioMs
      total.lostMsTotal += lostMsTotal
    }
    return total
  }
}
