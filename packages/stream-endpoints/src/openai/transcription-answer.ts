// What was recognised in the forms of /v1/audio/transcriptions. Pure.
import type { RecognisedFinal } from '../backends.ts'
import type { FileTranscript } from '../file-recognition.ts'
import { secondsOf } from '../word-times.ts'
import type { TranscriptionFormat, TranscriptionRequest } from './transcription-request.ts'

const CONTENT_TYPES: Readonly<Record<TranscriptionFormat, string>> = {
  json: 'application/json; charset=utf-8',
  verbose_json: 'application/json; charset=utf-8',
  text: 'text/plain; charset=utf-8',
  srt: 'application/x-subrip; charset=utf-8',
  vtt: 'text/vtt; charset=utf-8',
}

export function transcriptionAnswer(
  transcript: FileTranscript,
  request: TranscriptionRequest,
): { readonly contentType: string; readonly body: string } {
  return { contentType: CONTENT_TYPES[request.format], body: bodyOf(transcript, request) }
}

function bodyOf(transcript: FileTranscript, request: TranscriptionRequest): string {
  const { finals } = transcript
  switch (request.format) {
    case 'json':
      return JSON.stringify({ text: textOf(finals), usage: usageOf(transcript) })
    case 'text':
      return `${textOf(finals)}\n`
    case 'verbose_json':
      return JSON.stringify(verbose(transcript, request))
    case 'srt':
      return finals.map((final, at) => `${at + 1}\n${cue(final, ',')}\n`).join('\n')
    case 'vtt':
      return `WEBVTT\n\n${finals.map((final) => `${cue(final, '.')}\n`).join('\n')}`
  }
}

export function textOf(finals: readonly RecognisedFinal[]): string {
  return finals.map(({ text }) => text).join(' ')
}

export function usageOf({ durationMs }: Pick<FileTranscript, 'durationMs'>) {
  return { type: 'duration', seconds: Math.ceil(durationMs / 1000) } as const
}

function verbose(transcript: FileTranscript, { granularities }: TranscriptionRequest): object {
  const { finals, durationMs, language } = transcript
  return {
    task: 'transcribe',
    language: languageName(language),
    duration: secondsOf(durationMs),
    text: textOf(finals),
    ...(granularities.has('segment') ? { segments: finals.map(segment) } : {}),
    ...(granularities.has('word') ? { words: finals.flatMap(wordsOf) } : {}),
    usage: usageOf(transcript),
  }
}

/**
 * One utterance. Of what Whisper tells of a segment only what is true here: there are no tokens and no sampling; `avg_logprob` is the mean
 * logarithm of the words' own probabilities, and is left out, like the rest, where nobody measured it.
 */
function segment({ text, startMs, endMs, words = [] }: RecognisedFinal, id: number): object {
  const average = averageLogprob(words.map(({ confidence }) => confidence))
  return {
    id,
    seek: Math.round(startMs / 10),
    start: secondsOf(startMs),
    end: secondsOf(endMs),
    text,
    tokens: [],
    temperature: 0,
    ...(average === undefined ? {} : { avg_logprob: average }),
  }
}

/** Below it a probability says nothing but "hardly". */
const LEAST_PROBABILITY = 1e-6

function averageLogprob(probabilities: readonly (number | undefined)[]): number | undefined {
  let sum = 0
  for (const probability of probabilities) {
    if (probability === undefined) return undefined
    sum += Math.log(Math.max(LEAST_PROBABILITY, probability))
  }
  return probabilities.length === 0 ? undefined : Math.round((1000 * sum) / probabilities.length) / 1000
}

function wordsOf({ words = [] }: RecognisedFinal): object[] {
  return words.map(({ text, startMs, endMs }) => ({
    word: text.replace(/[.?!]$/, ''),
    start: secondsOf(startMs),
    end: secondsOf(endMs),
  }))
}

/** "english", as OpenAI says it; the tag itself where it has no name. */
function languageName(tag: string): string {
  const [language = tag] = tag.split('-')
  try {
    return new Intl.DisplayNames(['en'], { type: 'language' }).of(language)?.toLowerCase() ?? tag
  } catch {
    return tag
  }
}

function cue({ startMs, endMs, text }: RecognisedFinal, decimal: ',' | '.'): string {
  return `${timestamp(startMs, decimal)} --> ${timestamp(endMs, decimal)}\n${text}`
}

function timestamp(ms: number, decimal: ',' | '.'): string {
  const whole = Math.round(ms)
  const pad = (value: number, length: number) => String(Math.floor(value)).padStart(length, '0')
  const clock = [whole / 3_600_000, (whole / 60_000) % 60, (whole / 1000) % 60].map((value) => pad(value, 2)).join(':')
  return `${clock}${decimal}${pad(whole % 1000, 3)}`
}
