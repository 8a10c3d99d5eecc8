// The text service of a pod over its links, with budgets of this pod alone: the part of compose.ts that knows what stands behind its ports.
import { randomBytes } from 'node:crypto'
import { MemoryBudgetStore } from '@parley/text'
import { TextDesk, type TextDeskOptions } from './text-desk.ts'

/** Bytes of the secret that keys of the cache are derived from. */
const CACHE_SECRET_BYTES = 32

export function createTextDesk(options: Omit<TextDeskOptions, 'store' | 'cacheSecret'>): TextDesk {
  const store = new MemoryBudgetStore(options.clock)
  return new TextDesk({ ...options, store, cacheSecret: randomBytes(CACHE_SECRET_BYTES) })
}
