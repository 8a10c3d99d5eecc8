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

export interface TextsOfFleet extends SharedStores {
  readonly fleetSecret: string
  /** Pods that share, as last seen. */
  readonly sharers: () => number | undefined
}

type OwnOptions = Omit<TextDeskOptions, 'store' | 'cacheSecret' | 'sharedTexts' | 'sharers'>

/** Without `shared` budgets and texts are this pod's alone. */
export function createTextDesk(options: OwnOptions, shared?: TextsOfFleet): TextDesk {
  if (!shared) {
    const store = new MemoryBudgetStore(options.clock)
    return new TextDesk({ ...options, store, cacheSecret: randomBytes(CACHE_SECRET_BYTES) })
  }
  // Of the fleet, so that its pods know a text by the same key; whoever reads the store without it learns nothing.
  const { budgets: store, texts: sharedTexts, fleetSecret, sharers } = shared
  const cacheSecret = Buffer.from(hkdfSync('sha256', fleetSecret, '', 'parley cache of texts', CACHE_SECRET_BYTES))
  return new TextDesk({ ...options, store, sharers, sharedTexts, cacheSecret })
}
