// The streams that speak on one link to a worker: numbers to speeches, messages and audio to whom they belong, and how many more
// the worker takes. The link itself (worker-link.ts) only hands on what concerns them.
import { type PodToWorker, readLinkRecords, type VoiceInfo, type WorkerToPod } from '@parley/protocol'
import { SlotBook } from './slot-book.ts'
import type { WorkerHealth } from './worker-health.ts'
import type { WorkerLoad, WorkerReport } from './worker-report.ts'

export type SpeakMessage = Extract<
  WorkerToPod,
  { readonly type: 'speak.opened' | 'speak.ended' | 'stream.refused' | 'stream.failed' }
>

export interface LinkedSpeech {
  onMessage(message: SpeakMessage): void
  /** `mediaTime` modulo 2^32; `payload` is valid until this returns. */
  onAudio(mediaTime: number, payload: Uint8Array): void
  /** `wasWanted`: by this pod, or by the worker, which said so. */
  onLinkLost(wasWanted: boolean): void
}

export interface SpeechesOutlet {
  readonly health: WorkerHealth
  readonly report: WorkerReport
  send(message: PodToWorker): void
  /** The next number of a stream on this link. */
  nextStream(): number
  /** What a listener does with what it is told is its own affair. */
  guarded(tell: () => void): void
}

type Open = Omit<Extract<PodToWorker, { readonly type: 'speak.open' }>, 'type' | 'stream'>

interface Entry {
  readonly speech: LinkedSpeech
  isOpen: boolean
}

const NO_ROLE = { slots: 0, slotsUsed: 0 }

export class LinkSpeeches {
  readonly book = new SlotBook()
  readonly #outlet: SpeechesOutlet
  readonly #speeches = new Map<number, Entry>()

  constructor(outlet: SpeechesOutlet) {
    this.#outlet = outlet
  }

  get voices(): readonly VoiceInfo[] {
    return this.#outlet.report.load?.voices ?? []
  }
  /** More voices may come. */
  get isLoading(): boolean {
    return this.#outlet.report.load?.voicesLoading ?? false
  }
  get size(): number {
    return this.#speeches.size
  }

  onLoad({ roles }: WorkerLoad): void {
    const { slots, slotsUsed } = roles?.synthesise ?? NO_ROLE
    this.book.onReport(slots, slotsUsed)
  }

  /** Sends speak.open and returns the number of the stream. Only while the link is up. */
  open(speech: LinkedSpeech, open: Open): number {
    const stream = this.#outlet.nextStream()
    this.#speeches.set(stream, { speech, isOpen: false })
    this.#outlet.health.take(speech)
    this.book.onOpening()
    this.#outlet.send({ type: 'speak.open', stream, ...open })
    return stream
  }

  credit(stream: number, creditMs: number): void {
    if (this.#speeches.has(stream)) this.#outlet.send({ type: 'speak.credit', stream, creditMs })
  }

  /** Forgets the speech and, when the link is up, tells the worker to free its slot. */
  close(stream: number): void {
    const entry = this.#speeches.get(stream)
    if (!entry) return
    this.#forget(stream, entry)
    this.#outlet.send({ type: 'stream.close', stream })
  }

  /** The worker left the speech waiting, or sent what cannot be: it is closed there, and counts against the worker. */
  fail(stream: number): void {
    this.#outlet.health.failed()
    this.close(stream)
  }

  /** False: it is about a stream that does not speak, or none. */
  onMessage(message: WorkerToPod): boolean {
    if (!('stream' in message)) return false
    const entry = this.#speeches.get(message.stream)
    // What belongs to a speech only, of one that was closed meanwhile.
    if (!entry) return message.type === 'speak.opened' || message.type === 'speak.ended'
    const { health, report } = this.#outlet
    switch (message.type) {
      case 'speak.opened':
        if (!entry.isOpen) this.book.onOpened()
        entry.isOpen = true
        health.opened(entry.speech)
        break
      case 'stream.refused':
        if (message.code === 'SPEECH_UNAVAILABLE' && report.state === 'ready') health.failed()
        this.#drop(message.stream, entry)
        if (entry.isOpen) break
        this.book.onRefused()
        if (message.code === 'NO_SLOT') this.book.onFull()
        break
      case 'stream.failed':
        health.failed()
        this.#forget(message.stream, entry)
        break
      case 'speak.ended':
        health.progressed(entry.speech)
        this.#forget(message.stream, entry)
        break
      default:
        return true // nothing a stream that speaks is told
    }
    this.#outlet.guarded(() => entry.speech.onMessage(message))
    return true
  }

  /** False when the message is cut short. */
  onBinary(data: Uint8Array): boolean {
    return readLinkRecords(data, (stream, mediaTime, payload) => {
      const entry = this.#speeches.get(stream)
      if (!entry) return
      this.#outlet.health.progressed(entry.speech)
      this.#outlet.guarded(() => entry.speech.onAudio(mediaTime, payload))
    })
  }

  /** The link is gone, and everything on it. */
  onLinkLost(wasWanted: boolean): void {
    const entries = [...this.#speeches.values()]
    this.#speeches.clear()
    this.book.clear()
    for (const { speech } of entries) {
      this.#outlet.health.leave(speech)
      this.#outlet.guarded(() => speech.onLinkLost(wasWanted))
    }
  }

  #forget(stream: number, entry: Entry): void {
    this.#drop(stream, entry)
    if (!entry.isOpen) this.book.onClosedWhileOpening()
  }

  #drop(stream: number, { speech }: Entry): void {
    this.#speeches.delete(stream)
    this.#outlet.health.leave(speech)
  }
}
