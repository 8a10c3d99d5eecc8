// What a reader may want of captions, changed one step at a time, and what is said about it. Pure.
import { type CaptionWish, MAX_TARGETS, type Unavailable } from '../caption-client.ts'

/** With `language` among those translated into, last, or not. One that is no longer read is not heard either. */
export function withTarget(wish: CaptionWish, language: string, isChosen: boolean): CaptionWish {
  const others = wish.translateTo.filter((tag) => tag !== language)
  if (!isChosen) return { ...wish, translateTo: others, hear: wish.hear === language ? undefined : wish.hear }
  if (others.length >= MAX_TARGETS) return wish
  return wish.translateTo.includes(language) ? wish : { ...wish, translateTo: [...others, language] }
}

/** Only this language, or, for '', only the spoken one. */
export function withOnly(wish: CaptionWish, language: string): CaptionWish {
  if (language === '') return { ...wish, translateTo: [], hear: undefined }
  return { ...wish, translateTo: [language], hear: wish.hear === undefined ? undefined : language }
}

/** '' is none. */
export function withHeard(wish: CaptionWish, language: string): CaptionWish {
  return { ...wish, hear: wish.translateTo.find((tag) => tag === language) }
}

type Name = (tag: string) => string

/** "through Spanish"; undefined when the way is direct. */
export function throughText(
  via: readonly { readonly language: string; readonly through: readonly string[] }[],
  language: string,
  name: Name,
): string | undefined {
  const through = via.find((each) => each.language === language)?.through ?? []
  return through.length === 0 ? undefined : `through ${through.map(name).join(' and ')}`
}

const STAGE_TEXT = {
  translate: (name: string) => `No ${name} translation now`,
  polish: (name: string) => `Grammar of ${name} is not mended now`,
  speak: (name: string) => `No ${name} voice now`,
} as const

export function unavailableText({ language, stage, message }: Unavailable, name: Name): string {
  return `${STAGE_TEXT[stage](name(language))}: ${message}`
}
