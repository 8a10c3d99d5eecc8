// From the options of the command to the description of the network. Pure.
import {
  type Burst,
  type Cut,
  type CutManner,
  formatImpairmentMistake,
  type ImpairmentOptions,
  type JitterShape,
  type LinkImpairment,
  type PeriodicCut,
  resolveImpairment,
} from '@parley/lab'
import { CliError, EXIT } from '../exit-codes.ts'
import type { Directed } from './values.ts'

export interface ImpairFlags {
  readonly loss?: readonly Directed<number>[]
  readonly burst?: readonly Directed<Burst>[]
  readonly delay?: readonly Directed<number>[]
  readonly jitter?: readonly Directed<number>[]
  readonly jitterShape?: JitterShape
  readonly reorder?: readonly Directed<number>[]
  readonly reorderBy?: readonly Directed<number>[]
  readonly duplicate?: readonly Directed<number>[]
  readonly rate?: readonly Directed<number>[]
  readonly queue?: readonly Directed<number>[]
  readonly retransmit?: readonly Directed<number>[]
  readonly cut?: readonly Omit<Cut, 'how'>[]
  readonly cutEvery?: readonly Omit<PeriodicCut, 'how'>[]
  readonly how: CutManner
}

type Links = Record<'both' | 'up' | 'down', { -readonly [Field in keyof LinkImpairment]?: LinkImpairment[Field] }>

/** Throws CliError (usage) with every mistake. */
export function impairmentOf(flags: ImpairFlags): ImpairmentOptions {
  const links: Links = { both: {}, up: {}, down: {} }
  const put = <Field extends keyof LinkImpairment>(
    field: Field,
    values: readonly Directed<LinkImpairment[Field]>[] = [],
  ): void => {
    for (const { direction, value } of values) links[direction][field] = value
  }
  put('lossRatio', flags.loss)
  put('burst', flags.burst)
  put('delayMs', flags.delay)
  put('jitterMs', flags.jitter)
  put('reorderRatio', flags.reorder)
  put('reorderByMs', flags.reorderBy)
  put('duplicateRatio', flags.duplicate)
  put('rateBitsPerSecond', flags.rate)
  put('queueBytes', flags.queue)
  put('retransmitMs', flags.retransmit)
  if (flags.jitterShape !== undefined) links.both.jitterShape = flags.jitterShape
  const { how } = flags
  const options: ImpairmentOptions = {
    ...links,
    cuts: (flags.cut ?? []).map((cut) => ({ ...cut, how })),
    periodicCuts: (flags.cutEvery ?? []).map((cut) => ({ ...cut, how })),
  }
  const resolved = resolveImpairment(options)
  if (!resolved.ok) throw new CliError(resolved.error.map(formatImpairmentMistake).join('\n  '), EXIT.usage)
  return options
}
