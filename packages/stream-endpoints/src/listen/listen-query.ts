// What the address of /v1/listen asks for, in Deepgram's words. Pure.
import { err, ok, type Result } from '@parley/kernel'
import { ParleyError, shown } from '@parley/protocol'

/** Bare samples or packets; without one of these the audio is in a container that says itself what it is. */
export const LISTEN_ENCODINGS = ['linear16', 'linear32', 'mulaw', 'alaw', 'opus', 'ogg-opus'] as const
export type ListenEncoding = (typeof LISTEN_ENCODINGS)[number]
/** With bare samples nobody could guess it. */
const NEEDS_RATE: ReadonlySet<string> = new Set(['linear16', 'linear32'])
const TELEPHONE_RATE_HZ = 8_000
const MIN_RATE_HZ = 8_000
const MAX_RATE_HZ = 48_000
/** Least silence that ends an utterance in Deepgram's sense; less cannot be told from a pause between words. */
const MIN_UTTERANCE_END_MS = 1_000
const MAX_SILENCE_MS = 60_000
const DEFAULT_ENDPOINTING_MS = 10
const MAX_VALUE_CHARS = 256

export interface ListenConfig {
  /** Undefined: a container. */
  readonly encoding: ListenEncoding | undefined
  /** Of bare samples. */
  readonly sampleRateHz: number
  /** BCP 47 tag; undefined: the platform's. */
  readonly language: string | undefined
  readonly hasInterim: boolean
  /** Silence after which `speech_final` is said; undefined: never. */
  readonly endpointingMs: number | undefined
  /** Silence after which UtteranceEnd is said; undefined: never. */
  readonly utteranceEndMs: number | undefined
  readonly hasVadEvents: boolean
  /** Casing and punctuation are wanted. */
  readonly isPunctuated: boolean
  /** Recorded audio: one entry for each utterance is wanted. */
  readonly hasUtterances: boolean
  /** Repeated in the answer. */
  readonly tags: readonly string[]
  /** Fields that were given and are not used here. */
  readonly ignored: readonly string[]
}

/** For the host: it checks who comes. */
const HOST_FIELDS: ReadonlySet<string> = new Set(['token'])
/** Cannot be done here, and an answer without them would be taken for one with them. */
const REFUSED: Readonly<Record<string, string>> = {
  callback: 'answers are given on the connection only',
  callback_method: 'answers are given on the connection only',
  multichannel: 'channels are not kept apart; send one connection for each',
  diarize: 'speakers are not told apart',
  diarize_model: 'speakers are not told apart',
  redact: 'nothing is redacted',
  replace: 'no words are replaced',
  search: 'no terms are searched for',
  profanity_filter: 'no words are filtered',
  detect_language: 'languages are not detected; send language',
}
const IGNORED: ReadonlySet<string> = new Set(
  (
    'model version tier extra keyterm keywords numerals dictation filler_words detect_entities mip_opt_out no_delay vad_turnoff ' +
    'measurements paragraphs utt_split summarize topics custom_topic custom_topic_mode intents custom_intent custom_intent_mode ' +
    'sentiment alternatives smart_format'
  ).split(' '),
)

/** The configuration, or the refusal that names field, value and fix. */
export function readListenQuery(query: URLSearchParams): Result<ListenConfig, ParleyError> {
  try {
    return ok(read(query))
  } catch (error) {
    if (error instanceof ParleyError) return err(error)
    throw error
  }
}

function read(query: URLSearchParams): ListenConfig {
  const fields = new Fields(query)
  const encoding = fields.oneOf('encoding', LISTEN_ENCODINGS)
  const hasInterim = fields.flag('interim_results') ?? false
  // Formatting beyond casing and punctuation is not there, but these come with it.
  const isSmart = query.get('smart_format') === 'true'
  const language = fields.text('language')
  const config: ListenConfig = {
    encoding,
    sampleRateHz: sampleRate(fields, encoding),
    language: language === 'multi' ? undefined : language,
    hasInterim,
    endpointingMs: fields.endpointing(),
    utteranceEndMs: utteranceEnd(fields, hasInterim),
    hasVadEvents: fields.flag('vad_events') ?? false,
    isPunctuated: (fields.flag('punctuate') ?? false) || isSmart,
    hasUtterances: fields.flag('utterances') ?? false,
    tags: fields.all('tag'),
    ignored: [],
  }
  const channels = fields.number('channels', 1, Number.MAX_SAFE_INTEGER)
  if (channels !== undefined && channels !== 1)
    throw invalid('channels', String(channels), 'send one channel: channels=1')
  const ignored = fields.rest()
  return { ...config, ignored: language === 'multi' ? ['language', ...ignored] : ignored }
}

function sampleRate(fields: Fields, encoding: ListenEncoding | undefined): number {
  const rateHz = fields.number('sample_rate', MIN_RATE_HZ, MAX_RATE_HZ)
  if (rateHz === undefined && encoding !== undefined && NEEDS_RATE.has(encoding)) {
    throw invalid('sample_rate', '', `encoding=${encoding} needs sample_rate, the samples a second`)
  }
  return rateHz ?? TELEPHONE_RATE_HZ
}

function utteranceEnd(fields: Fields, hasInterim: boolean): number | undefined {
  const silenceMs = fields.number('utterance_end_ms', MIN_UTTERANCE_END_MS, MAX_SILENCE_MS)
  if (silenceMs !== undefined && !hasInterim) {
    throw invalid('utterance_end_ms', String(silenceMs), 'utterance_end_ms needs interim_results=true')
  }
  return silenceMs
}

class Fields {
  readonly #query: URLSearchParams
  readonly #read = new Set<string>()

  constructor(query: URLSearchParams) {
    this.#query = query
  }

  text(name: string): string | undefined {
    this.#read.add(name)
    const values = this.#query.getAll(name)
    if (values.length > 1) throw invalid(name, values.join(), `${name} is given ${values.length} times; send it once`)
    const [value] = values
    if (value !== undefined && value.length > MAX_VALUE_CHARS) {
      throw invalid(name, value, `${name} has ${value.length} characters; at most ${MAX_VALUE_CHARS}`)
    }
    return value === '' ? undefined : value
  }

  all(name: string): string[] {
    this.#read.add(name)
    return this.#query.getAll(name).map((value) => value.slice(0, MAX_VALUE_CHARS))
  }

  flag(name: string): boolean | undefined {
    const value = this.text(name)
    if (value === undefined || value === 'true' || value === 'false')
      return value === undefined ? undefined : value === 'true'
    throw invalid(name, value, `${name} must be true or false, got "${shown(value)}"`)
  }

  number(name: string, least: number, most: number): number | undefined {
    const value = this.text(name)
    if (value === undefined) return undefined
    const number = /^\d{1,9}$/.test(value) ? Number(value) : Number.NaN
    if (number >= least && number <= most) return number
    throw invalid(name, value, `${name} must be a whole number from ${least} to ${most}, got "${shown(value)}"`)
  }

  oneOf<Value extends string>(name: string, allowed: readonly Value[]): Value | undefined {
    const value = this.text(name)
    const found = allowed.find((candidate) => candidate === value)
    if (value === undefined || found !== undefined) return found
    const message = `${name} must be one of ${allowed.join(', ')}, got "${shown(value)}"`
    throw new ParleyError('INVALID_FIELD', { field: name, value: shown(value), allowed, message })
  }

  /** Milliseconds, or true and false. */
  endpointing(): number | undefined {
    const value = this.text('endpointing')
    if (value === 'false') return undefined
    if (value === undefined || value === 'true') return DEFAULT_ENDPOINTING_MS
    return this.number('endpointing', 0, MAX_SILENCE_MS)
  }

  /** Names of those that were not read. Throws for the ones that cannot be left unread. */
  rest(): string[] {
    const names = [...new Set(this.#query.keys())].filter((name) => !this.#read.has(name) && !HOST_FIELDS.has(name))
    return names.filter((name) => {
      const isOff = this.#query.getAll(name).every((value) => value === 'false' || value === '')
      const why = Object.hasOwn(REFUSED, name) ? REFUSED[name] : undefined
      if (why !== undefined && !isOff)
        throw invalid(name, this.#query.get(name) ?? '', `${name} cannot be used here: ${why}`)
      if (why === undefined && !IGNORED.has(name)) {
        const message = `unknown field "${shown(name)}" in the address; remove it`
        throw new ParleyError('UNKNOWN_FIELD', { field: shown(name), message })
      }
      return !isOff
    })
  }
}

function invalid(field: string, value: string, message: string): ParleyError {
  return new ParleyError('INVALID_FIELD', { field, value: shown(value), message })
}
