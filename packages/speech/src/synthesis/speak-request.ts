// Whether a request can be spoken, by which voice, and what of its text is left to say. Pure.
import { err, ok, type Result } from '@parley/kernel'
import type { VoiceInfo } from '@parley/protocol'
import { MAX_SPEAK_TEXT_BYTES, type SpeakRequest, type SynthesiserRefusal } from '../synthesiser.ts'

export const MIN_RATE_RATIO = 0.5
export const MAX_RATE_RATIO = 2
const DEFAULT_LANGUAGE = 'en'

/** A request that can be spoken. */
export interface SpeakOrder<Voice extends VoiceInfo = VoiceInfo> {
  readonly requestId: string
  /** As asked for, with spaces in place of what no engine is to see: control characters and halves of surrogate pairs. */
  readonly text: string
  readonly voice: Voice
  readonly rateRatio: number
}

/** Checks `request` against the `voices` there are, whose first is the default among equals. */
export function readSpeakRequest<Voice extends VoiceInfo>(
  request: SpeakRequest,
  voices: readonly Voice[],
): Result<SpeakOrder<Voice>, SynthesiserRefusal> {
  const { text, rateRatio = 1 } = request
  const textBytes = Buffer.byteLength(text)
  if (textBytes > MAX_SPEAK_TEXT_BYTES) {
    const message = `text has ${textBytes} bytes; ${MAX_SPEAK_TEXT_BYTES} can be said at once: send it in several parts`
    return err({ code: 'TEXT_INVALID', field: 'text', message })
  }
  if (!(rateRatio >= MIN_RATE_RATIO && rateRatio <= MAX_RATE_RATIO)) {
    const message = `rateRatio is ${rateRatio}; give ${MIN_RATE_RATIO} to ${MAX_RATE_RATIO}`
    return err({ code: 'TEXT_INVALID', field: 'rateRatio', message })
  }
  const voice = chooseVoice(request, voices)
  if (!voice.ok) return voice
  return ok({ requestId: request.requestId, text: plainText(text), voice: voice.value, rateRatio })
}

/** Control characters and lone surrogates as one space each, so that lengths stay. */
export function plainText(text: string): string {
  return text.replace(/\p{Cc}|\p{Cs}/gu, ' ')
}

function chooseVoice<Voice extends VoiceInfo>(
  { voice: name, language }: Pick<SpeakRequest, 'voice' | 'language'>,
  voices: readonly Voice[],
): Result<Voice, SynthesiserRefusal> {
  if (name === undefined) return firstOfLanguage(language ?? DEFAULT_LANGUAGE, voices)
  const voice = voices.find((each) => each.name === name)
  if (!voice) {
    const allowed = voices.map((each) => each.name)
    const message = `there is no voice "${name}"; there are ${someOf(allowed)}`
    return err({ code: 'VOICE_UNKNOWN', field: 'voice', message, allowed })
  }
  if (language !== undefined && languageFit(voice.language, language) === 0) {
    const message = `voice "${name}" speaks ${voice.language}, not "${language}"`
    return err({ code: 'LANGUAGE_UNSUPPORTED', field: 'language', message, allowed: [voice.language] })
  }
  return ok(voice)
}

function firstOfLanguage<Voice extends VoiceInfo>(
  language: string,
  voices: readonly Voice[],
): Result<Voice, SynthesiserRefusal> {
  let best: Voice | undefined
  let bestFit = 0
  for (const voice of voices) {
    const fit = languageFit(voice.language, language)
    if (fit > bestFit) {
      best = voice
      bestFit = fit
    }
  }
  if (best) return ok(best)
  const allowed = [...new Set(voices.map((voice) => voice.language))]
  const message = `no voice speaks "${language}"; there are ${someOf(allowed)}`
  return err({ code: 'LANGUAGE_UNSUPPORTED', field: 'language', message, allowed })
}

/**
 * How well a voice of `spoken` serves who asks for `asked` (BCP 47 tags): 3 the same, 2 one is the other with a region or variant
 * added, 1 another region of the same language, 0 not at all.
 */
export function languageFit(spoken: string, asked: string): 0 | 1 | 2 | 3 {
  const [one, other] = [canonical(spoken), canonical(asked)]
  if (one === undefined || other === undefined) return 0
  if (one === other) return 3
  if (one.startsWith(`${other}-`) || other.startsWith(`${one}-`)) return 2
  return one.split('-')[0] === other.split('-')[0] ? 1 : 0
}

/** Tags met so far; the voices' own are asked for with every request. Emptied when somebody has asked for very many. */
const canonicalTags = new Map<string, string | undefined>()
const MAX_TAGS = 2_000

/** Undefined for what is no language tag. */
function canonical(tag: string): string | undefined {
  if (canonicalTags.has(tag)) return canonicalTags.get(tag)
  let found: string | undefined
  try {
    found = Intl.getCanonicalLocales(tag)[0]
  } catch {
    found = undefined
  }
  if (canonicalTags.size >= MAX_TAGS) canonicalTags.clear()
  canonicalTags.set(tag, found)
  return found
}

const MAX_NAMED = 40

/** A list for a message; the whole of it is in `allowed`. */
function someOf(names: readonly string[]): string {
  if (names.length === 0) return 'none'
  const rest = names.length - MAX_NAMED
  return `${names.slice(0, MAX_NAMED).join(', ')}${rest > 0 ? ` and ${rest} more` : ''}`
}
