// The streams that speak on one link to a worker: numbers to speeches, messages and audio to whom they belong, and how many more
// the worker takes. The link itself (worker-link.ts) only hands on what concerns them.
import { type PodToWorker, readLinkRecords, type VoiceInfo, type WorkerToPod } from '@parley/protocol'
import { SlotBook } from './slot-book.ts'

export type SpeakMessage = Extract<
  WorkerToPod,
  { readonly type: 'speak.opened' | 'speak.ended' | 'stream.refused' | 'stream.failed' }
>

export interface LinkedSpeech {
  onMessage(message: SpeakMessage): void
  /** `mediaTime` modulo 2^32; `payload` is valid until this returns. */
  onAudio(mediaTime: number, payload: Uint8Array): void
  onLinkLost(): void
}

export interface SpeechesOutlet {
  send(message: PodToWorker): void
  /** The next number of a stream on this link. */
  nextStream(): number
  /** What a listener does with what it is told is its own affair. */
  guarded(tell: () => void): void
}

type Open = Omit<Extract<PodToWorker, { readonly type: 'speak.open' }>, 'type' | 'stream'>
type Load = Extract<WorkerToPod, { readonly type: 'worker.load' }>

const NO_ROLE = { slots: 0, slotsUsed: 0 }

export class LinkSpeeches {
  readonly book = new SlotBook()
  readonly #outlet: SpeechesOutlet
  readonly #speeches = new Map<number, { readonly speech: LinkedSpeech; isOpen: boolean }>()
  #voices: readonly VoiceInfo[] = []
  #isTaking = false

  constructor(outlet: SpeechesOutlet) {
    this.#outlet = outlet
  }

  get voices(): readonly VoiceInfo[] {
    return this.#voices
  }
  get size(): number {
    return this.#speeches.size
  }
  /** Speeches the worker would take now; 0 while it drains, loads or is overloaded, whatever its slots. */
  get free(): number {
    return this.#isTaking ? this.book.free : 0
  }
  /** The worker speaks at all. */
  get isSpeaker(): boolean {
    return this.book.slots > 0
  }

  onLoad({ roles, state, voices }: Load): void {
    const { slots, slotsUsed } = roles?.synthesise ?? NO_ROLE
    this.book.onReport(slots, slotsUsed)
    this.#voices = voices ?? []
    this.#isTaking = state === undefined || state === 'ready'
  }

  /** Sends speak.open and returns the number of the stream. Only while the link is up. */
  open(speech: LinkedSpeech, open: Open): number {
    const stream = this.#outlet.nextStream()
    this.#speeches.set(stream, { speech, isOpen: false })
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
    this.#forget(stream, entry.isOpen)
    this.#outlet.send({ type: 'stream.close', stream })
  }

  /** False: it is about a stream that does not speak, or none. */
  onMessage(message: WorkerToPod): boolean {
    if (!('stream' in message)) return false
    const entry = this.#speeches.get(message.stream)
    // What belongs to a speech only, of one that was closed meanwhile.
    if (!entry) return message.type === 'speak.opened' || message.type === 'speak.ended'
    switch (message.type) {
      case 'speak.opened':
        if (!entry.isOpen) this.book.onOpened()
        entry.isOpen = true
        break
      case 'stream.refused':
        this.#speeches.delete(message.stream)
        if (entry.isOpen) break
        this.book.onRefused()
        if (message.code === 'NO_SLOT') this.book.onFull()
        break
      case 'stream.failed':
      case 'speak.ended':
        this.#forget(message.stream, entry.isOpen)
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
      if (entry) this.#outlet.guarded(() => entry.speech.onAudio(mediaTime, payload))
    })
  }

  /** The link is gone, and everything on it. */
  onLinkLost(): void {
    const entries = [...this.#speeches.values()]
    this.#speeches.clear()
    this.book.clear()
    this.#voices = []
    this.#isTaking = false
    for (const { speech } of entries) this.#outlet.guarded(() => speech.onLinkLost())
  }

  #forget(stream: number, isOpen: boolean): void {
    this.#speeches.delete(stream)
    if (!isOpen) this.book.onClosedWhileOpening()
  }
}
