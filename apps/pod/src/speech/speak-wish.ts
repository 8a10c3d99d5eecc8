// Whether what a worker has serves a wish for a voice, and what is wrong with one that nobody serves. Pure.
import { ParleyError, type VoiceInfo } from '@parley/protocol'
import { matchLanguage } from './language-match.ts'

export interface SpeakWish {
  readonly voice?: string | undefined
  readonly language?: string | undefined
}

const DEFAULT_LANGUAGE = 'en'
/** Voices and languages named in words; all of them are in `allowed`. */
const MAX_NAMED = 20

/** Has `voices` what is wished for? A voice by its name, which must speak the language if one is told, else any of the language. */
export function canSay(voices: readonly VoiceInfo[], { voice, language }: SpeakWish): boolean {
  const named = voice === undefined ? voices : voices.filter(({ name }) => name === voice)
  if (voice !== undefined && language === undefined) return named.length > 0
  const languages = named.map((one) => one.language)
  return matchLanguage(language ?? DEFAULT_LANGUAGE, languages) !== undefined
}

/** VOICE_UNKNOWN or LANGUAGE_UNSUPPORTED, naming what there is; undefined when some voice of `voices` will do. */
export function wishRefusal(voices: readonly VoiceInfo[], wish: SpeakWish): ParleyError | undefined {
  if (canSay(voices, wish)) return undefined
  const { voice, language = DEFAULT_LANGUAGE } = wish
  if (voice !== undefined && !voices.some(({ name }) => name === voice)) {
    const allowed = [...new Set(voices.map(({ name }) => name))]
    const message = `no worker has the voice "${shown(voice)}"; known: ${listed(allowed)}`
    return new ParleyError('VOICE_UNKNOWN', { field: 'voice', value: shown(voice), allowed, message })
  }
  const speaking = voice === undefined ? voices : voices.filter(({ name }) => name === voice)
  const allowed = [...new Set(speaking.map((one) => one.language))].sort()
  const who = voice === undefined ? 'no voice' : `the voice "${shown(voice)}" is not one that`
  const message = `${who} speaks "${shown(language)}"; known: ${listed(allowed)}`
  return new ParleyError('LANGUAGE_UNSUPPORTED', { field: 'language', value: shown(language), allowed, message })
}

const shown = (text: string): string => text.slice(0, 40)

function listed(names: readonly string[]): string {
  const rest = names.length - MAX_NAMED
  return names.slice(0, MAX_NAMED).join(', ') + (rest > 0 ? ` and ${rest} more` : '')
}
