// A recogniser that costs next to nothing, so that the load of a benchmark is what is done to texts: a server of the live protocol that counts
// the audio it is sent and says a sentence of its own every few seconds of it, word by word, then whole.
import type { AddressInfo } from 'node:net'
import { type WebSocket, WebSocketServer } from 'ws'

const SPEECH_MS = 3_000
const PAUSE_MS = 1_200
const INTERIM_EVERY_MS = 300
/** What endpointing takes after the last word. */
const DECIDED_AFTER_MS = 300

export interface ScriptedEars {
  readonly url: string
  close(): Promise<void>
}

/** `sentenceOf` is asked once for each utterance, counted over all connections. */
export async function startScriptedEars(sentenceOf: (turn: number) => string): Promise<ScriptedEars> {
  const server = new WebSocketServer({ port: 0, host: '127.0.0.1' })
  await new Promise<void>((resolve) => server.once('listening', resolve))
  let turns = 0
  server.on('connection', (socket, request) => {
    const rateHz = Number(new URL(request.url ?? '/', 'ws://localhost').searchParams.get('sample_rate') ?? 16_000)
    listen(socket, rateHz, () => sentenceOf(turns++))
  })
  return {
    url: `ws://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async close() {
      for (const socket of server.clients) socket.terminate()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

interface Said {
  readonly text: string
  readonly startMs: number
  readonly endMs: number
}

function listen(socket: WebSocket, rateHz: number, nextSentence: () => string): void {
  let samples = 0
  let nextInterimMs = 0
  let sentence: string | undefined
  let startMs = PAUSE_MS
  socket.on('error', () => {})
  const results = (
    { text, startMs: fromMs, endMs }: Said,
    untilMs: number,
    isFinal: boolean,
    isAnswer = false,
  ): void => {
    const spoken = text === '' ? [] : [{ word: 'first', start: fromMs / 1000, end: endMs / 1000 }]
    const channel = { alternatives: [{ transcript: text, confidence: 1, words: spoken }] }
    const span = { start: fromMs / 1000, duration: (untilMs - fromMs) / 1000 }
    const flags = { is_final: isFinal, speech_final: isFinal, from_finalize: isAnswer }
    socket.send(JSON.stringify({ type: 'Results', ...span, ...flags, channel }))
  }
  const onHeard = (heardMs: number): void => {
    if (heardMs < startMs) return
    sentence ??= nextSentence()
    const endMs = startMs + SPEECH_MS
    if (heardMs >= endMs + DECIDED_AFTER_MS) {
      results({ text: sentence, startMs, endMs }, heardMs, true)
      sentence = undefined
      startMs = endMs + PAUSE_MS
    } else if (heardMs >= nextInterimMs && heardMs < endMs) {
      nextInterimMs = heardMs + INTERIM_EVERY_MS
      const words = sentence.split(' ')
      const share = (heardMs - startMs) / SPEECH_MS
      const text = words.slice(0, Math.ceil(words.length * share)).join(' ')
      if (text !== '') results({ text, startMs, endMs: heardMs }, heardMs, false)
    }
  }
  socket.on('message', (data: Buffer, isBinary) => {
    const heardMs = () => (samples * 1000) / rateHz
    if (isBinary) {
      samples += data.length >> 1
      onHeard(heardMs())
      return
    }
    const { type } = JSON.parse(String(data)) as { type: string }
    if (type === 'Finalize') results({ text: '', startMs: heardMs(), endMs: heardMs() }, heardMs(), true, true)
    else if (type === 'CloseStream') socket.close(1000)
  })
}
