// The texts that are asked over one link to a worker: numbers to calls, answers to whom they belong, and how many more the worker takes. The
// link itself (worker-link.ts) only hands on what concerns them.
import type { PodToWorker, TextEngineInfo, TextKind, TextUsage, WorkerToPod } from '@parley/protocol'
import { fitOf, type TextNeed } from '@parley/text'
import type { SlotCounts } from '../speech/slot-book.ts'
import type { WorkerLoad } from '../speech/worker-report.ts'

export type TextMessage = Extract<WorkerToPod, { readonly type: 'text.answered' | 'text.failed' }>

export type CallEnd =
  | {
      readonly is: 'answered'
      readonly text: string
      readonly via: readonly string[] | undefined
      readonly changedWords: number | undefined
      readonly usage: TextUsage | undefined
    }
  | {
      readonly is: 'failed'
      readonly code: Extract<TextMessage, { type: 'text.failed' }>['code']
      readonly message: string
      readonly retryAfterMs: number | undefined
      readonly usage: TextUsage | undefined
    }
  /** With its link; nobody knows what became of it. */
  | { readonly is: 'lost' }

export interface TextAsk {
  readonly engine: string
  readonly need: TextNeed
  readonly text: string
  readonly isFinal: boolean
  readonly deadlineMs: number
}

export interface TextsOutlet {
  send(message: PodToWorker): void
  /** What a listener does with what it is told is its own affair. */
  guarded(tell: () => void): void
}

interface Call {
  readonly kind: TextKind
  readonly onEnd: (end: CallEnd) => void
}

const NO_ROLE = { slots: 0, slotsUsed: 0 }

export class LinkTexts {
  readonly #outlet: TextsOutlet
  readonly #calls = new Map<number, Call>()
  readonly #underWay = { translate: 0, polish: 0 }
  /** As the worker reported; `others`: of them not this pod's. */
  readonly #reported = { translate: { slots: 0, others: 0 }, polish: { slots: 0, others: 0 } }
  #engines: readonly TextEngineInfo[] = []
  #nextId = 1

  constructor(outlet: TextsOutlet) {
    this.#outlet = outlet
  }

  /** Empty while the link is not up. */
  get engines(): readonly TextEngineInfo[] {
    return this.#engines
  }
  get size(): number {
    return this.#calls.size
  }

  /** Texts of that kind this worker works on, as far as this pod knows: its own exactly, those of other pods as of the last report. */
  slots(kind: TextKind): SlotCounts {
    const { slots, others } = this.#reported[kind]
    return { slots, used: Math.min(slots, others + this.#underWay[kind]) }
  }

  /** An engine of that name here is ready for it. */
  canDo(engine: string, need: TextNeed): boolean {
    return this.#engines.some((each) => each.name === engine && each.ready && fitOf(each, need) !== undefined)
  }

  onEngines(engines: readonly TextEngineInfo[]): void {
    this.#engines = engines
  }

  onLoad({ roles }: WorkerLoad): void {
    for (const kind of ['translate', 'polish'] as const) {
      const { slots, slotsUsed } = roles?.[kind] ?? NO_ROLE
      this.#reported[kind] = { slots, others: Math.max(0, slotsUsed - this.#underWay[kind]) }
    }
  }

  /** Sends text.ask; returns what cancels it. Only while the link is up. `onEnd` is called once, never before this has returned. */
  ask({ engine, need, text, isFinal, deadlineMs }: TextAsk, onEnd: (end: CallEnd) => void): () => void {
    const id = this.#nextId++
    const { kind, from, to } = need
    this.#calls.set(id, { kind, onEnd })
    this.#underWay[kind]++
    const target = to === undefined ? {} : { to }
    this.#outlet.send({ type: 'text.ask', id, kind, engine, text, from, ...target, isFinal, deadlineMs })
    return () => {
      if (this.#forget(id)) this.#outlet.send({ type: 'text.cancel', id })
    }
  }

  /** Only while the link is up. */
  warm(engine: string, { kind, from, to }: TextNeed): void {
    this.#outlet.send({ type: 'text.warm', kind, engine, from, ...(to === undefined ? {} : { to }) })
  }

  /** Answers to what was cancelled meanwhile are ignored. */
  onMessage(message: TextMessage): void {
    const call = this.#forget(message.id)
    if (!call) return
    // Others took what there was, whatever the last report said: nothing is asked here until the next one.
    if (message.type === 'text.failed' && message.code === 'BUSY') {
      const reported = this.#reported[call.kind]
      reported.others = reported.slots
    }
    this.#outlet.guarded(() => call.onEnd(endOf(message)))
  }

  /** The link is gone, and everything on it. */
  onLinkLost(): void {
    const calls = [...this.#calls.values()]
    this.#calls.clear()
    this.#engines = []
    for (const kind of ['translate', 'polish'] as const) {
      this.#underWay[kind] = 0
      this.#reported[kind] = { slots: 0, others: 0 }
    }
    for (const { onEnd } of calls) this.#outlet.guarded(() => onEnd({ is: 'lost' }))
  }

  #forget(id: number): Call | undefined {
    const call = this.#calls.get(id)
    if (!call) return undefined
    this.#calls.delete(id)
    this.#underWay[call.kind]--
    return call
  }
}

function endOf(message: TextMessage): CallEnd {
  if (message.type === 'text.answered') {
    const { text, via, changedWords, usage } = message
    return { is: 'answered', text, via, changedWords, usage }
  }
  const { code, message: words, retryAfterMs, usage } = message
  return { is: 'failed', code, message: words, retryAfterMs, usage }
}
