// Workers with engines for texts that a test drives without sockets: whatever is asked stays until the test says what becomes of it.
import type { TextEngineInfo, TextFailureCode, TextUsage } from '@parley/protocol'
import { fitOf, type TextNeed } from '@parley/text'
import type { CallEnd, TextAsk } from '../../text/link-texts.ts'
import type { Room, TextCall, TextWorkers } from '../../text/text-workers.ts'

export interface ManualCall {
  readonly ask: TextAsk
  readonly workerKey: string
  isOpen: boolean
  answer(text?: string, usage?: TextUsage): void
  fail(code: TextFailureCode, retryAfterMs?: number): void
  lose(): void
}

export class ManualTextWorkers implements TextWorkers {
  readonly calls: ManualCall[] = []
  cancelled = 0
  /** Texts at a time. */
  slots = Number.POSITIVE_INFINITY
  workerKey = 'wrk_0'
  #engines: readonly TextEngineInfo[]
  readonly #listeners = new Set<() => void>()
  /** Called with each call as it is made. */
  onCall: (call: ManualCall) => void = () => {}

  constructor(...engines: TextEngineInfo[]) {
    this.#engines = engines
  }

  get size(): number {
    return this.open().length
  }
  open(): ManualCall[] {
    return this.calls.filter(({ isOpen }) => isOpen)
  }
  /** The call that was made last. */
  get last(): ManualCall {
    const call = this.calls.at(-1)
    if (!call) throw new Error('nothing was asked')
    return call
  }

  setEngines(...engines: TextEngineInfo[]): void {
    this.#engines = engines
    this.changed()
  }
  changed(): void {
    for (const listener of this.#listeners) listener()
  }

  engines(): readonly TextEngineInfo[] {
    return this.#engines
  }

  room(engine: string, need: TextNeed): Room {
    const isThere = this.#engines.some((each) => each.name === engine && each.ready && fitOf(each, need))
    if (!isThere) return 'none'
    return this.size < this.slots ? 'free' : 'full'
  }

  /** As "harper en", in the order they were wanted. */
  readonly warmed: string[] = []
  warm(engine: string, { from, to }: TextNeed): void {
    this.warmed.push([engine, from, to].filter((each) => each !== undefined).join(' '))
  }

  call(ask: TextAsk, onEnd: (end: CallEnd) => void): TextCall | undefined {
    if (this.room(ask.engine, ask.need) !== 'free') return undefined
    const end = (how: CallEnd) => {
      if (!call.isOpen) return
      call.isOpen = false
      onEnd(how)
    }
    const call: ManualCall = {
      ask,
      workerKey: this.workerKey,
      isOpen: true,
      answer: (text = `${ask.text} (${ask.need.to ?? 'polished'})`, usage) =>
        end({ is: 'answered', text, via: undefined, changedWords: undefined, usage }),
      fail: (code, retryAfterMs) => end({ is: 'failed', code, message: code, retryAfterMs, usage: undefined }),
      lose: () => end({ is: 'lost' }),
    }
    this.calls.push(call)
    this.onCall(call)
    const cancel = () => {
      if (call.isOpen) this.cancelled++
      call.isOpen = false
    }
    return { workerKey: call.workerKey, cancel }
  }

  onChange(listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }
  get listenerCount(): number {
    return this.#listeners.size
  }
}
