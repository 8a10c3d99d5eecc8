// Which engine a text goes to now. Pure.
import type { AfterFailure } from '@parley/text'

/** An engine of the order that could do the text. */
export interface EngineOption {
  readonly engine: string
  /** `absent`: no worker has it ready. `cutOff`: it failed too often and is left alone for now. */
  readonly standing: 'ready' | 'absent' | 'cutOff'
  /** Until its budget lets this text through; Infinity: never, as things are. */
  readonly expectedWaitMs: number
}

export interface ChoiceInputs {
  /** In order, best first. */
  readonly options: readonly EngineOption[]
  /** Nobody knows yet what there is: workers are still to come. */
  readonly mayCome: boolean
  /** What those of them that failed under this text said, by name. */
  readonly tried: ReadonlyMap<string, AfterFailure>
  readonly isFinal: boolean
  /** A wait beyond this is too long for a partial, and for a final while another engine could be asked sooner. */
  readonly maxWaitMs: number
}

export type Choice =
  | { readonly is: 'ask'; readonly engine: string; readonly isSecondBest: boolean }
  /** Nobody can be asked before something changes. */
  | { readonly is: 'wait'; readonly for: 'budget' | 'unavailable' }
  /** All were asked in vain; a while later it may come out right. */
  | { readonly is: 'rest' }
  | { readonly is: 'giveUp'; readonly for: AfterFailure['reason'] }

export function chooseEngine({ options, mayCome, tried, isFinal, maxWaitMs }: ChoiceInputs): Choice {
  const ask = ({ engine }: EngineOption): Choice => ({ is: 'ask', engine, isSecondBest: engine !== options[0]?.engine })
  const open = options.filter(({ engine, standing }) => standing === 'ready' && !tried.has(engine))
  const soon = open.find(({ expectedWaitMs }) => expectedWaitMs <= maxWaitMs)
  if (soon) return ask(soon)
  if (isFinal) {
    const possible = open.filter(({ expectedWaitMs }) => expectedWaitMs < Number.POSITIVE_INFINITY)
    const soonest = possible.toSorted((a, b) => a.expectedWaitMs - b.expectedWaitMs)[0]
    if (soonest) return ask(soonest)
  }
  if (open.length > 0) return { is: 'wait', for: 'budget' }
  const failures = [...tried.values()]
  if (failures.length === 0) {
    const isThere = options.length > 0 || mayCome
    return isThere ? { is: 'wait', for: 'unavailable' } : { is: 'giveUp', for: 'unsupported' }
  }
  // Of several reasons the one that may pass is told: the others would have been final.
  const passing = failures.find(({ isWorthRetrying }) => isWorthRetrying)
  if (passing && isFinal) return { is: 'rest' }
  return { is: 'giveUp', for: (passing ?? (failures.at(-1) as AfterFailure)).reason }
}
