// The OpenAI half of the fake provider: what each route does with a request that was let in, and with one that is to go wrong.
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import type { ServerResponse } from 'node:http'
import type { Random } from '@parley/kernel'
import type { FakeBacking } from './backing.ts'
import { type ReadChatRequest, readChatRequest, tokensOf } from './chat-request.ts'
import type { FaultKind } from './faults.ts'
import {
  type ApiProblem,
  cut,
  type Exchange,
  pause,
  send,
  sendHalf,
  sendJson,
  sendProblem,
  sendSlowly,
  untilGone,
} from './http-reply.ts'

/** What became of a request, for the books. */
export interface Outcome {
  readonly how: 'answered' | 'failed' | 'abandoned'
  readonly inputTokens?: number
  readonly outputTokens?: number
}

/** A request that can be answered: what it costs to let in, and the answering. */
export interface Job {
  /** Guess at its tokens. */
  readonly tokens: number
  run(exchange: Exchange, context: JobContext): Promise<Outcome>
}

export interface JobContext {
  readonly fault: FaultKind | undefined
  readonly random: Random
  /** Thinking time. */
  readonly latencyMs: number
  /** Of the limits. */
  readonly headers: Readonly<Record<string, string>>
}

export type Prepared = { readonly job: Job } | { readonly problem: ApiProblem }

const JSON_TYPE = { 'content-type': 'application/json' }
const PCM_TYPE = { 'content-type': 'audio/pcm' }
const OFFLINE = 503

/** Something else than what was asked for; which of several, chance decides. */
function nonsense(random: Random, plausible: string): { readonly type: string; readonly body: string } {
  const all = [
    { type: 'text/html', body: '<html><body><h1>It works!</h1></body></html>' },
    { type: 'application/json', body: '{"object":"surprise"' },
    { type: 'application/json', body: '{"object":"surprise","data":[]}' },
    { type: 'application/json', body: plausible },
  ]
  return all[Math.floor(random() * all.length)] as (typeof all)[number]
}

export function prepareChat(body: unknown, { chat }: FakeBacking): Prepared {
  const read = readChatRequest(body)
  if (!read.ok) return { problem: { status: 400, message: read.error.message, field: read.error.field } }
  const asked = read.value
  const run = async (exchange: Exchange, context: JobContext): Promise<Outcome> => {
    const { response, signal } = exchange
    const { fault, latencyMs, random, headers } = context
    await pause(exchange, latencyMs)
    let text = asked.lastUserText
    if (asked.task) {
      if (!chat) return offline(exchange, 'no engine for texts is behind this provider')
      const answered = await chat.answer(asked.task, fault === 'wrong-language', signal)
      if (!answered.ok) return offline(exchange, answered.error)
      text = JSON.stringify({ text: answered.value })
    }
    if (signal.aborted) return { how: 'abandoned' }
    const outputTokens = Math.min(asked.maxTokens, tokensOf(text))
    const usage = { inputTokens: asked.promptTokens, outputTokens }
    if (fault === 'nonsense') {
      const { type, body: wrong } = nonsense(
        random,
        JSON.stringify(chatObject(asked, 'Sure! Here is what you asked for.', usage)),
      )
      send(response, 200, { 'content-type': type }, wrong)
      return { how: 'failed' }
    }
    const isCutOff = tokensOf(text) > asked.maxTokens
    if (isCutOff) text = text.slice(0, asked.maxTokens * 4)
    if (asked.isStream) return streamChat(exchange, context, asked, text, usage)
    const whole = JSON.stringify(chatObject(asked, text, usage, isCutOff ? 'length' : 'stop'))
    return answerWhole(exchange, fault, { ...JSON_TYPE, ...headers }, whole, usage)
  }
  return { job: { tokens: asked.promptTokens + tokensOf(asked.task?.text ?? asked.lastUserText), run } }
}

interface Usage {
  readonly inputTokens: number
  readonly outputTokens: number
}

const usageObject = ({ inputTokens, outputTokens }: Usage) => ({
  prompt_tokens: inputTokens,
  completion_tokens: outputTokens,
  total_tokens: inputTokens + outputTokens,
})

function chatObject({ model }: ReadChatRequest, content: string, usage: Usage, finish = 'stop') {
  const message = { role: 'assistant', content, refusal: null }
  return {
    id: `chatcmpl-${randomUUID()}`,
    object: 'chat.completion',
    created: 0,
    model,
    choices: [{ index: 0, message, logprobs: null, finish_reason: finish }],
    usage: usageObject(usage),
  }
}

/** Server-sent events: a piece per word, then the usage if it was asked for. */
async function streamChat(
  exchange: Exchange,
  { fault, headers }: JobContext,
  asked: ReadChatRequest,
  text: string,
  usage: Usage,
): Promise<Outcome> {
  const response = exchange.response as ServerResponse
  const { signal } = exchange
  const base = { id: `chatcmpl-${randomUUID()}`, object: 'chat.completion.chunk', created: 0, model: asked.model }
  const event = (value: unknown) => `data: ${typeof value === 'string' ? value : JSON.stringify(value)}\n\n`
  const chunk = (delta: object, finish: string | null) =>
    event({ ...base, choices: [{ index: 0, delta, logprobs: null, finish_reason: finish }] })
  const pieces = text.match(/\S+\s*|\s+/g) ?? []
  const events = [
    chunk({ role: 'assistant', content: '' }, null),
    ...pieces.map((content) => chunk({ content }, null)),
    chunk({}, 'stop'),
    ...(asked.hasUsageInStream ? [event({ ...base, choices: [], usage: usageObject(usage) })] : []),
    event('[DONE]'),
  ]
  const head = { 'content-type': 'text/event-stream', 'cache-control': 'no-cache', ...headers }
  if (fault === 'slow') {
    await sendSlowly(exchange, head, events.join(''))
    return { how: signal.aborted ? 'abandoned' : 'answered', ...usage }
  }
  response.writeHead(200, head)
  for (const [at, line] of events.entries()) {
    if (signal.aborted) return { how: 'abandoned', ...usage }
    if (fault === 'close' && at >= events.length >> 1) {
      cut(response)
      return { how: 'failed', ...usage }
    }
    if (!response.write(line)) await once(response, 'drain', { signal }).catch(() => {})
  }
  response.end()
  return { how: 'answered', ...usage }
}

export interface SpeechFields {
  readonly input?: unknown
  readonly voice?: unknown
  readonly speed?: unknown
  readonly model?: unknown
  readonly response_format?: unknown
}

const MAX_INPUT_CHARS = 4_096

export function prepareSpeech(fields: SpeechFields, { voice }: FakeBacking): Prepared {
  const wrong = (field: string, message: string): Prepared => ({ problem: { status: 400, field, message } })
  const { input, voice: name, speed = 1, response_format: format = 'mp3', model } = fields
  if (typeof model !== 'string') return wrong('model', 'you must provide a model parameter')
  if (typeof input !== 'string' || input === '') return wrong('input', 'input must be a text that is not empty')
  if (input.length > MAX_INPUT_CHARS) {
    return {
      problem: {
        status: 400,
        field: 'input',
        code: 'string_above_max_length',
        message: `input has ${input.length} characters; ${MAX_INPUT_CHARS} is the most`,
      },
    }
  }
  if (typeof speed !== 'number' || !(speed >= 0.25 && speed <= 4)) return wrong('speed', 'speed must be 0.25 to 4')
  if (format !== 'pcm') return wrong('response_format', 'this provider speaks pcm only (PCM16, 24 kHz, mono)')
  if (voice && !voice.voices.includes(name as string)) {
    return wrong('voice', `voice must be one of ${voice.voices.join(', ')}`)
  }
  const run = async (exchange: Exchange, { fault, latencyMs, random, headers }: JobContext): Promise<Outcome> => {
    if (!voice) return offline(exchange, 'no synthesis is behind this provider')
    const usage = { inputTokens: tokensOf(input), outputTokens: 0 }
    await pause(exchange, latencyMs)
    if (fault === 'nonsense') {
      const { type, body } = nonsense(random, '{"audio":null}')
      send(exchange.response, 200, { 'content-type': type }, body)
      return { how: 'failed' }
    }
    const audio = voice.speak({ text: input, voice: name as string, speed, signal: exchange.signal })
    const how = await streamAudio(exchange, audio, fault, { ...PCM_TYPE, ...headers })
    return { how, ...usage }
  }
  return { job: { tokens: tokensOf(input), run } }
}

async function streamAudio(
  exchange: Exchange,
  audio: AsyncIterable<Int16Array>,
  fault: FaultKind | undefined,
  headers: Readonly<Record<string, string>>,
): Promise<Outcome['how']> {
  const response = exchange.response as ServerResponse
  const { signal } = exchange
  let hasHead = false
  try {
    for await (const samples of audio) {
      if (signal.aborted) return 'abandoned'
      const bytes = Buffer.from(samples.buffer, samples.byteOffset, samples.byteLength)
      if (fault === 'close') {
        sendHalf(response, headers, bytes)
        return 'failed'
      }
      if (fault === 'slow') {
        await sendSlowly(exchange, headers, bytes)
        return signal.aborted ? 'abandoned' : 'answered'
      }
      if (!hasHead) response.writeHead(200, headers)
      hasHead = true
      if (!response.write(bytes)) await once(response, 'drain', { signal }).catch(() => {})
    }
  } catch (error) {
    if (signal.aborted) return 'abandoned'
    if (hasHead) cut(response)
    else sendProblem(response, { status: OFFLINE, type: 'server_error', message: `synthesis broke: ${String(error)}` })
    return 'failed'
  }
  if (!hasHead) response.writeHead(200, { ...headers, 'content-length': '0' })
  response.end()
  return 'answered'
}

export function prepareTranscription(form: FormData, wav: Uint8Array, { ears }: FakeBacking): Prepared {
  const text = (name: string): string | undefined => {
    const value = form.get(name)
    return typeof value === 'string' ? value : undefined
  }
  const format = text('response_format') ?? 'json'
  const language = text('language') ?? 'en'
  if (text('model') === undefined) {
    return { problem: { status: 400, field: 'model', message: 'you must provide a model parameter' } }
  }
  if (!['json', 'text', 'verbose_json'].includes(format)) {
    return { problem: { status: 400, field: 'response_format', message: 'must be json, text or verbose_json' } }
  }
  const run = async (exchange: Exchange, { fault, latencyMs, random, headers }: JobContext): Promise<Outcome> => {
    const { response, signal } = exchange
    if (!ears) return offline(exchange, 'no recognition is behind this provider')
    await pause(exchange, latencyMs)
    if (signal.aborted) return { how: 'abandoned' }
    if (fault === 'nonsense') {
      const { type, body } = nonsense(random, '{"words":null}')
      send(response, 200, { 'content-type': type }, body)
      return { how: 'failed' }
    }
    const heard = await ears.transcribe(wav, language)
    if (!heard.ok) return offline(exchange, heard.error)
    if (format === 'text')
      return answerWhole(exchange, fault, { 'content-type': 'text/plain', ...headers }, heard.value.text)
    const segments = heard.value.utterances.map(({ text: said, startMs, endMs }, id) => ({
      id,
      start: startMs / 1000,
      end: endMs / 1000,
      text: said,
    }))
    const verbose = { task: 'transcribe', language, duration: heard.value.durationMs / 1000, segments }
    const body = JSON.stringify({ ...(format === 'verbose_json' ? verbose : {}), text: heard.value.text })
    return answerWhole(exchange, fault, { ...JSON_TYPE, ...headers }, body)
  }
  return { job: { tokens: 0, run } }
}

async function answerWhole(
  exchange: Exchange,
  fault: FaultKind | undefined,
  headers: Readonly<Record<string, string>>,
  body: string,
  usage: Partial<Usage> = {},
): Promise<Outcome> {
  if (exchange.signal.aborted) return { how: 'abandoned', ...usage }
  if (fault === 'close') {
    sendHalf(exchange.response, headers, body)
    return { how: 'failed', ...usage }
  }
  if (fault === 'slow') {
    await sendSlowly(exchange, headers, body)
    return { how: exchange.signal.aborted ? 'abandoned' : 'answered', ...usage }
  }
  send(exchange.response, 200, headers, body)
  return { how: 'answered', ...usage }
}

function offline({ response, signal }: Exchange, message: string): Outcome {
  if (signal.aborted) return { how: 'abandoned' }
  sendProblem(response, { status: OFFLINE, type: 'server_error', code: 'engine_unavailable', message })
  return { how: 'failed' }
}

/** Faults that come before any work; true when the exchange is over with it. */
export async function failEarly(exchange: Exchange, fault: FaultKind | undefined, latencyMs: number): Promise<boolean> {
  const { response } = exchange
  switch (fault) {
    case '429':
    case '429-silent': {
      const headers: Record<string, string> = fault === '429' ? { 'retry-after': '1', 'retry-after-ms': '1000' } : {}
      const message = 'Rate limit reached (on demand)'
      sendProblem(response, { status: 429, type: 'requests', code: 'rate_limit_exceeded', message, headers })
      return true
    }
    case '500':
      await pause(exchange, latencyMs)
      sendProblem(response, { status: 500, type: 'server_error', message: 'The server had an error (on demand)' })
      return true
    case 'hang':
      await untilGone(exchange)
      return true
    default:
      return false
  }
}

/** The list of models: there are all that anyone asks for. */
export function sendModels({ response }: Exchange): void {
  sendJson(response, 200, { object: 'list', data: [{ id: 'fake', object: 'model', created: 0, owned_by: 'parley' }] })
}
