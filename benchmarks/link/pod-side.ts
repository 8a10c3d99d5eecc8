// The pod's end of the benchmark, a process of its own whose CPU time counts: either the real links (frames of many streams in, captions
// out, all bookkeeping for failover), or a bare WebSocket client that sends the very same bytes in as many messages and parses what comes
// back. Both push at the same instants; `pace` is that alone, so that its cost can be taken off.

import { systemClock } from '@parley/kernel'
import { writeLinkRecord } from '@parley/protocol'
import { silentLogger } from '@parley/telemetry'
import { WebSocket } from 'ws'
import { createSpeechLinks, type SpeechLinks } from '../../apps/pod/src/speech/speech-links.ts'
import type { SpeechListener, SpeechStream } from '../../apps/pod/src/speech/speech-port.ts'
import { serveBench } from '../lib/child.ts'

export interface Setup {
  readonly kind: 'link' | 'bare' | 'pace'
  readonly streams: number
  readonly payloadBytes: number
  readonly workers: readonly { readonly workerId: string; readonly url: string }[]
  readonly secret: string
}

const FRAME_MS = 20
const FRAME_SAMPLES = 320
const FORMAT = { codec: 'pcm16', sampleRateHz: 16_000, frameMs: FRAME_MS } as const
/** What the link gathers into one message. */
const LARGE_BYTES = 49_152

const counts = { frames: 0, messages: 0, results: 0 }
let timer: NodeJS.Timeout | undefined

const listener: SpeechListener = {
  onPartial: () => void counts.results++,
  onFinal: () => void counts.results++,
  onAbandoned() {},
  onFlushed() {},
  onSettled() {},
  onState() {},
}

/** Calls `push` for one frame of each stream every 20 ms, spread over the period in four parts, as sessions are. */
function pace(streams: number, push: (stream: number, mediaTime: number) => void, afterPart: () => void): void {
  const startMs = performance.now()
  let parts = 0
  timer = setInterval(() => {
    for (const due = ((performance.now() - startMs) * 4) / FRAME_MS; parts < due; parts++) {
      const frame = Math.floor(parts / 4)
      for (let stream = parts % 4; stream < streams; stream += 4) {
        counts.frames++
        push(stream, frame * FRAME_SAMPLES)
      }
    }
    afterPart()
  }, FRAME_MS / 4)
}

async function startLink({ streams, payloadBytes, workers, secret }: Setup): Promise<void> {
  const speech: SpeechLinks = createSpeechLinks({
    clock: systemClock,
    config: { speech: { workerWaitMs: 30_000 } },
    podId: 'pod_bench',
    fleetSecret: secret,
    logger: silentLogger,
  })
  speech.setWorkers(workers)
  while (speech.status().workers < workers.length) await new Promise((resolve) => setTimeout(resolve, 20))
  const open: SpeechStream[] = []
  for (let n = 0; n < streams; n++) {
    const reserved = speech.reserve('en')
    if (!reserved.ok) throw new Error(reserved.error.message)
    open.push(
      speech.open(reserved.value, { sessionId: `ses_${n}`, language: 'en', format: FORMAT, firstIndex: 0 }, listener),
    )
  }
  const payload = new Uint8Array(payloadBytes)
  const push = (stream: number, mediaTime: number) => open[stream]?.push(mediaTime, payload, 0)
  pace(streams, push, () => {
    counts.messages = speech.stats().batches
  })
}

/** The least that carries the same: from each client one message every 20 ms with the frames of its streams, each result parsed and counted. */
async function startBare({ streams, payloadBytes, workers }: Setup): Promise<void> {
  const each = streams / workers.length
  const clients = await Promise.all(workers.map(({ url }) => BareClient.connect(`${url}/bare?streams=${each}`)))
  const payload = new Uint8Array(payloadBytes)
  const push = (stream: number, mediaTime: number) => {
    clients[stream % clients.length]?.push(Math.floor(stream / clients.length), mediaTime, payload)
  }
  pace(streams, push, () => {
    for (const client of clients) client.sendIfDue()
  })
}

class BareClient {
  readonly #socket: WebSocket
  readonly #batch = Buffer.allocUnsafeSlow(2 * LARGE_BYTES)
  #end = 0
  #sentAtMs = performance.now()

  private constructor(socket: WebSocket) {
    this.#socket = socket
    socket.on('message', (data: Buffer) => {
      const message = JSON.parse(data.toString()) as { readonly type?: unknown }
      if (message.type === 'partial' || message.type === 'final') counts.results++
    })
  }

  static async connect(url: string): Promise<BareClient> {
    const socket = new WebSocket(url, { perMessageDeflate: false, generateMask: () => {} })
    await new Promise((resolve, reject) => {
      socket.once('open', resolve)
      socket.once('error', reject)
    })
    return new BareClient(socket)
  }

  push(stream: number, mediaTime: number, payload: Uint8Array): void {
    this.#end = writeLinkRecord(this.#batch, this.#end, stream, mediaTime, payload)
    if (this.#end >= LARGE_BYTES) this.#send()
  }

  sendIfDue(): void {
    if (this.#end > 0 && performance.now() - this.#sentAtMs >= FRAME_MS - 1) this.#send()
  }

  #send(): void {
    this.#socket.send(Buffer.from(this.#batch.subarray(0, this.#end)))
    counts.messages++
    this.#end = 0
    this.#sentAtMs = performance.now()
  }
}

const START: Readonly<Record<Setup['kind'], (setup: Setup) => unknown>> = {
  link: startLink,
  bare: startBare,
  pace: ({ streams }) =>
    pace(
      streams,
      () => {},
      () => {},
    ),
}

serveBench({
  start: (setup: Setup) => START[setup.kind](setup),
  counts: () => counts,
  stop: () => clearInterval(timer),
})
