// Which cuts hold at an instant, planned ones and those made by hand. Pure: it is told the time and says when to ask again.
import type { Cut, CutManner, CutTarget, Impairment } from './impairment.ts'

export type CutOrigin = 'plan' | 'hand'

export interface ActiveCut {
  readonly what: CutTarget
  readonly how: CutManner
  readonly origin: CutOrigin
  readonly fromMs: number
  /** Infinity: until healed by hand. */
  readonly untilMs: number
}

export type PathState = 'open' | CutManner

export interface CutState {
  readonly tcp: PathState
  readonly udp: PathState
}

export interface CutChange {
  readonly kind: 'begun' | 'ended'
  readonly cut: ActiveCut
  readonly atMs: number
}

export const UNCUT: CutState = { tcp: 'open', udp: 'open' }

const reaches = (cut: ActiveCut, path: 'tcp' | 'udp'): boolean => cut.what === 'both' || cut.what === path

/** The harsher of two manners holds where cuts overlap. */
function stateOf(cuts: readonly ActiveCut[], path: 'tcp' | 'udp'): PathState {
  const manners = cuts.filter((cut) => reaches(cut, path)).map((cut) => cut.how)
  if (manners.includes('reset')) return 'reset'
  return manners.includes('silent') ? 'silent' : 'open'
}

interface Planned {
  nextMs: number
  readonly everyMs: number | undefined
  readonly cut: Pick<Cut, 'forMs' | 'what' | 'how'>
}

export class CutBook {
  #planned: Planned[] = []
  #active: ActiveCut[] = []

  get active(): readonly ActiveCut[] {
    return this.#active
  }

  get state(): CutState {
    return { tcp: stateOf(this.#active, 'tcp'), udp: stateOf(this.#active, 'udp') }
  }

  /** When `advance` has something to do next; undefined when never. */
  get nextMs(): number | undefined {
    const instants = [...this.#planned.map((planned) => planned.nextMs), ...this.#active.map((cut) => cut.untilMs)]
    const nextMs = Math.min(...instants)
    return Number.isFinite(nextMs) ? nextMs : undefined
  }

  /** Replaces what is planned; its times count from `nowMs`. Planned cuts that hold end; those made by hand stay. */
  plan({ cuts, periodicCuts }: Pick<Impairment, 'cuts' | 'periodicCuts'>, nowMs: number): CutChange[] {
    this.#planned = [
      ...cuts.map((cut) => ({ nextMs: nowMs + cut.atMs, everyMs: undefined, cut })),
      ...periodicCuts.map((cut) => ({ nextMs: nowMs + cut.everyMs, everyMs: cut.everyMs, cut })),
    ]
    return this.#end((cut) => cut.origin === 'plan', nowMs)
  }

  /** Cuts by hand, until `forMs` have passed or healed. */
  cut(what: CutTarget, how: CutManner, forMs: number | undefined, nowMs: number): CutChange {
    return this.#begin({ what, how, origin: 'hand', fromMs: nowMs, untilMs: nowMs + (forMs ?? Infinity) })
  }

  /** Ends every cut that holds, planned ones too; those that are planned for later stay planned. */
  heal(nowMs: number): CutChange[] {
    return this.#end(() => true, nowMs)
  }

  /** Brings the book to `nowMs`; what changed on the way, in order. */
  advance(nowMs: number): CutChange[] {
    const changes: CutChange[] = []
    for (;;) {
      const nextMs = this.nextMs
      if (nextMs === undefined || nextMs > nowMs) return changes
      changes.push(...this.#end((cut) => cut.untilMs <= nextMs, nextMs), ...this.#beginPlanned(nextMs))
    }
  }

  #beginPlanned(nowMs: number): CutChange[] {
    const changes: CutChange[] = []
    for (const planned of this.#planned.filter(({ nextMs }) => nextMs <= nowMs)) {
      const { what, how, forMs } = planned.cut
      const fromMs = planned.nextMs
      planned.nextMs = planned.everyMs === undefined ? Infinity : fromMs + planned.everyMs
      changes.push(this.#begin({ what, how, origin: 'plan', fromMs, untilMs: fromMs + forMs }))
    }
    this.#planned = this.#planned.filter(({ nextMs }) => nextMs !== Infinity)
    return changes
  }

  #begin(cut: ActiveCut): CutChange {
    this.#active.push(cut)
    return { kind: 'begun', cut, atMs: cut.fromMs }
  }

  #end(isOver: (cut: ActiveCut) => boolean, atMs: number): CutChange[] {
    const ended = this.#active.filter(isOver)
    if (ended.length > 0) this.#active = this.#active.filter((cut) => !ended.includes(cut))
    return ended.map((cut) => ({ kind: 'ended', cut, atMs }))
  }
}
