// What a person prefers: the size of captions and the languages to read them in, kept in this browser only, and the language to begin with. Broken or forbidden
// storage means the defaults.

import { type CaptionWish, MAX_TARGETS, NO_WISH } from '../caption-client.ts'

export const TEXT_SIZES = ['small', 'medium', 'large', 'huge'] as const
export type TextSize = (typeof TEXT_SIZES)[number]

const KEY = 'parley.textSize'
const WISH_KEY = 'parley.wish'
const TAG = /^[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*$/

type Storage = Pick<globalThis.Storage, 'getItem' | 'setItem'>

export function readTextSize(storage: () => Storage): TextSize {
  try {
    const stored = storage().getItem(KEY)
    return TEXT_SIZES.find((size) => size === stored) ?? 'medium'
  } catch {
    return 'medium'
  }
}

export function writeTextSize(storage: () => Storage, size: TextSize): void {
  try {
    storage().setItem(KEY, size)
  } catch {
    // Private windows and full disks forbid it: the choice then lasts as long as the page.
  }
}

/** What this reader wanted the last time. */
export function readWish(storage: () => Storage): CaptionWish {
  try {
    const stored = JSON.parse(storage().getItem(WISH_KEY) ?? 'null') as Partial<
      Record<keyof CaptionWish, unknown>
    > | null
    const tags = Array.isArray(stored?.translateTo) ? stored.translateTo : []
    const translateTo = [...new Set(tags.filter((tag): tag is string => typeof tag === 'string' && TAG.test(tag)))]
    const kept = translateTo.slice(0, MAX_TARGETS)
    return {
      translateTo: kept,
      isMended: stored?.isMended === true,
      hear: kept.find((tag) => tag === stored?.hear),
    }
  } catch {
    return NO_WISH
  }
}

export function writeWish(storage: () => Storage, wish: CaptionWish): void {
  try {
    storage().setItem(WISH_KEY, JSON.stringify(wish))
  } catch {
    // As with the size.
  }
}

/** The next size up (+1) or down (-1); the same at either end. */
export function stepTextSize(size: TextSize, step: 1 | -1): TextSize {
  return TEXT_SIZES[TEXT_SIZES.indexOf(size) + step] ?? size
}

/** The platform's language nearest to the person's own, in their order; else the platform's first. BCP 47 tags. */
export function closestLanguage(offered: readonly string[], wished: readonly string[]): string | undefined {
  const primary = (tag: string) => tag.toLowerCase().split('-')[0]
  for (const wish of wished) {
    const exact = offered.find((tag) => tag.toLowerCase() === wish.toLowerCase())
    const near = exact ?? offered.find((tag) => primary(tag) === primary(wish))
    if (near !== undefined) return near
  }
  return offered[0]
}
