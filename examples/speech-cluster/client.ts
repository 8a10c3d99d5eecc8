// A client of the stream endpoints that uses nothing but the WebSocket of Node: what a program of yours would do. Run it with ./client.
import { readFile, writeFile } from 'node:fs/promises'
import { parseArgs } from 'node:util'
import { readWav, writeWav } from './wav.ts'

const USAGE = `usage: client recognise FILE.wav [--url ws://127.0.0.1:8000] [--key KEY] [--live]
       client say TEXT OUT.wav [--url ws://127.0.0.1:8003] [--key KEY] [--voice NAME]
       client health [--watch] URL...
       client wait SECONDS URL...`
const PIECE_MS = 100
const WATCH_MS = 2_000
const ASK_WITHIN_MS = 2_000

const { values: flags, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    url: { type: 'string' },
    key: { type: 'string' },
    voice: { type: 'string' },
    live: { type: 'boolean', default: false },
    watch: { type: 'boolean', default: false },
  },
})

interface Message {
  readonly type: string
  readonly [field: string]: unknown
}

/** Opens an endpoint; each message goes to `onMessage`, audio as bytes. Resolves with a word on how it ended. */
function connect(
  address: string,
  onOpen: (socket: WebSocket) => void | Promise<void>,
  onMessage: (message: Message | Buffer, socket: WebSocket) => void,
): Promise<string> {
  const url = new URL(address)
  // Browsers and this WebSocket cannot set headers: the key goes into the address.
  if (flags.key !== undefined) url.searchParams.set('token', flags.key)
  const socket = new WebSocket(url)
  socket.binaryType = 'arraybuffer'
  return new Promise((resolve, reject) => {
    socket.onopen = () => void Promise.resolve(onOpen(socket)).catch(reject)
    socket.onmessage = ({ data }) => {
      if (data instanceof ArrayBuffer) return onMessage(Buffer.from(data), socket)
      const message = JSON.parse(String(data)) as Message
      // Answered, so that the server knows that somebody is here.
      if (message.type === 'ping') return socket.send(JSON.stringify({ type: 'pong', id: message.id }))
      if (message.type === 'error') process.stderr.write(`${message.code}: ${message.message}\n`)
      onMessage(message, socket)
    }
    socket.onerror = () =>
      reject(new Error(`${url.origin}${url.pathname} cannot be reached, or refused the connection`))
    socket.onclose = ({ code, reason }) => resolve(`${code} ${reason}`)
  })
}

async function recognise(file: string): Promise<number> {
  const { sampleRateHz, pcm } = readWav(await readFile(file))
  const pieceBytes = (2 * sampleRateHz * PIECE_MS) / 1000
  let isEnded = false
  const send = async (socket: WebSocket) => {
    socket.send(JSON.stringify({ type: 'config', requestId: file.slice(-64), encoding: 'int16', sampleRateHz }))
    for (let at = 0; at < pcm.length; at += pieceBytes) {
      socket.send(pcm.subarray(at, at + pieceBytes))
      // A microphone would give it at this pace. Without --live it is sent as fast as it is taken.
      if (flags.live) await new Promise((resolve) => setTimeout(resolve, PIECE_MS))
    }
    socket.send(JSON.stringify({ type: 'end' }))
  }
  const end = await connect(`${flags.url ?? 'ws://127.0.0.1:8000'}/v1/stream/asr`, send, (message) => {
    if (Buffer.isBuffer(message)) return
    const { type, text, startMs, endMs } = message
    if (type === 'partial' && process.stderr.isTTY) process.stderr.write(`\r\x1b[2K${text}`)
    if (type === 'final') {
      if (process.stderr.isTTY) process.stderr.write('\r\x1b[2K')
      process.stdout.write(`[${seconds(startMs)}-${seconds(endMs)}] ${text}\n`)
    }
    isEnded ||= type === 'ended'
  })
  if (!isEnded) process.stderr.write(`the connection ended early: ${end}\n`)
  return isEnded ? 0 : 1
}

async function say(text: string, file: string): Promise<number> {
  const sampleRateHz = 16_000
  const chunks: Buffer[] = []
  let isDone = false
  const ask = (socket: WebSocket) => {
    const voice = flags.voice === undefined ? {} : { voice: flags.voice }
    socket.send(JSON.stringify({ type: 'speak', requestId: 'r1', text, encoding: 'int16', sampleRateHz, ...voice }))
  }
  await connect(`${flags.url ?? 'ws://127.0.0.1:8003'}/v1/stream/tts`, ask, (message, socket) => {
    if (Buffer.isBuffer(message)) chunks.push(message)
    else if (message.type === 'done' || message.type === 'error') {
      isDone = message.type === 'done'
      socket.send(JSON.stringify({ type: 'end' }))
    }
  })
  if (!isDone) return 1
  const pcm = Buffer.concat(chunks)
  await writeFile(file, writeWav({ sampleRateHz, pcm }))
  process.stdout.write(`${file}: ${seconds((1000 * pcm.length) / (2 * sampleRateHz))} s\n`)
  return 0
}

/** One line per instance; true when all are well. */
async function health(urls: readonly string[]): Promise<boolean> {
  const lines = await Promise.all(
    urls.map(async (url) => {
      try {
        const response = await fetch(new URL('/health', url), { signal: AbortSignal.timeout(ASK_WITHIN_MS) })
        const { status, active_connections: connections, roles = {} } = (await response.json()) as Message
        const slots = Object.entries(roles as Record<string, { slotsUsed: number; slots: number }>)
          .map(([role, { slotsUsed, slots: all }]) => `${role} ${slotsUsed}/${all}`)
          .join(', ')
        return { isWell: response.ok, text: `${status}, active_connections ${connections}, ${slots}` }
      } catch {
        return { isWell: false, text: 'does not answer' }
      }
    }),
  )
  for (const [index, { text }] of lines.entries()) process.stdout.write(`${urls[index]}: ${text}\n`)
  return lines.every(({ isWell }) => isWell)
}

/** Until every instance takes streams. */
async function wait(withinS: number, urls: readonly string[]): Promise<number> {
  const untilMs = performance.now() + 1000 * withinS
  for (const url of urls) {
    for (;;) {
      const response = await fetch(new URL('/readyz', url), { signal: AbortSignal.timeout(ASK_WITHIN_MS) }).catch(
        () => undefined,
      )
      if (response?.ok) break
      if (performance.now() > untilMs) {
        process.stderr.write(`${url} was not ready within ${withinS} s\n`)
        return 1
      }
      await new Promise((resolve) => setTimeout(resolve, 200))
    }
    process.stdout.write(`${url} is ready\n`)
  }
  return 0
}

const seconds = (ms: unknown): string => (Number(ms) / 1000).toFixed(2)

async function main([command, ...rest]: string[]): Promise<number> {
  const [first, second] = rest
  if (command === 'recognise' && first !== undefined) return recognise(first)
  if (command === 'say' && first !== undefined && second !== undefined) return say(first, second)
  if (command === 'wait' && Number(first) > 0) return wait(Number(first), rest.slice(1))
  if (command === 'health' && first !== undefined) {
    while (flags.watch) {
      await health(rest)
      process.stdout.write('\n')
      await new Promise((resolve) => setTimeout(resolve, WATCH_MS))
    }
    return (await health(rest)) ? 0 : 1
  }
  process.stderr.write(`${USAGE}\n`)
  return 2
}

try {
  process.exitCode = await main(positionals)
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : error}\n`)
  process.exitCode = 1
}
