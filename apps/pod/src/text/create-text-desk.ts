// The text service of a pod over its links: the part of compose.ts that knows what stands behind its ports. Budgets and finals are shared with the pods of
// the fleet where there is something to share them in.
import { hkdfSync, randomBytes } from 'node:crypto'
import { type BudgetStore, MemoryBudgetStore, type SharedTextStore } from '@parley/text'
import { TextDesk, type TextDeskOptions } from './text-desk.ts'

/** Bytes of the secret that keys of the cache are derived from. */
const CACHE_SECRET_BYTES = 32

/** What pods of a fleet share. */
export interface SharedStores {
  readonly budgets: BudgetStore
  readonly texts: SharedTextStore
}

export interface CreateTextDeskOptions extends Omit<TextDeskOptions, 'store' | 'cacheSecret' | 'sharedTexts' | 'sharers'> {
  /** Undefined: budgets and texts are this pod's alone. */
  readonly shared: SharedStores | undefined
  readonly fleetSecret: string
  readonly sharers: () => number | undefined
}

export function createTextDesk({ shared, fleetSecret, sharers, ...options }: CreateTextDeskOptions): TextDesk {
  if (!shared) {
    const store = new MemoryBudgetStore(options.clock)
    return new TextDesk({ ...options, store, cacheSecret: randomBytes(CACHE_SECRET_BYTES) })
  }
  // Of the fleet, so that its pods know a text by the same key; whoever reads the store without it learns nothing.
  const cacheSecret = Buffer.from(hkdfSync('sha256', fleetSecret, '', 'parley cache of texts', CACHE_SECRET_BYTES))
  return new TextDesk({ ...options, store: shared.budgets, sharers, sharedTexts: shared.texts, cacheSecret })
}
