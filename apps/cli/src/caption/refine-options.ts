// What is asked for beside captions, from what was typed: translations, mended text, voices and the files they go to. Pure.
import { extname } from 'node:path'
import type { CaptionWish } from '@parley/client'
import { InvalidArgumentError } from 'commander'
import { CaptionUsageError } from './exit-codes.ts'

export interface RefineOptions {
  /** BCP 47 tags, as those of `speak`. */
  readonly translate?: readonly string[]
  /** True: `finals`. */
  readonly polish?: true | 'finals' | 'partials'
  readonly speak?: readonly string[]
  /** WAV file; with several languages to be heard each has its own. */
  readonly speechOut?: string
}

export interface RefineWish {
  /** Undefined: captions only. */
  readonly captions: CaptionWish | undefined
  /** Language -> WAV file. */
  readonly speechFiles: ReadonlyMap<string, string>
}

const TAG = /^[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*$/
const MAX_LANGUAGES = 8
const DEFAULT_LANGUAGE = 'en'

/** `es,pt-BR` -> tags, each once, in their canonical form. */
export function parseLanguages(text: string): string[] {
  const tags = text
    .split(',')
    .map((tag) => tag.trim())
    .filter((tag) => tag !== '')
  const wrong = tags.find((tag) => !TAG.test(tag))
  if (wrong !== undefined) throw new InvalidArgumentError(`"${wrong}" is no language tag; give es,ca or pt-BR`)
  if (tags.length === 0) throw new InvalidArgumentError('give at least one language, such as es')
  if (tags.length > MAX_LANGUAGES) throw new InvalidArgumentError(`${MAX_LANGUAGES} languages at most`)
  return [...new Set(tags.map(canonical))]
}

function canonical(tag: string): string {
  try {
    return Intl.getCanonicalLocales(tag)[0] ?? tag
  } catch {
    return tag
  }
}

/** `spoken`: the language of the speech, when it was told. Throws CaptionUsageError. */
export function refineWish(options: RefineOptions, spoken: string | undefined): RefineWish {
  const { translate = [], polish, speechOut } = options
  // A file asked for and no language to hear: the first translation, else what is spoken.
  const speak = options.speak ?? (speechOut === undefined ? [] : [translate[0] ?? spoken ?? DEFAULT_LANGUAGE])
  if (speechOut === '-') {
    throw new CaptionUsageError('--speech-out - would mix with the captions on standard output; give FILE.wav')
  }
  const wantsAny = translate.length > 0 || polish !== undefined || speak.length > 0
  const captions = { translateTo: translate, polish: polish === true ? 'finals' : (polish ?? 'off'), speak } as const
  const files =
    speechOut === undefined ? [] : speak.map((language) => [language, fileOf(speechOut, language, speak)] as const)
  return { captions: wantsAny ? captions : undefined, speechFiles: new Map(files) }
}

/** One language has the file that was named, several have it with their tag: out.es.wav. */
function fileOf(path: string, language: string, all: readonly string[]): string {
  if (all.length === 1) return path
  const extension = extname(path)
  return `${path.slice(0, path.length - extension.length)}.${language}${extension}`
}
