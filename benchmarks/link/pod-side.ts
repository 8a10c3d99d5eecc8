// The pod's end of the benchmark, a process of its own whose CPU time counts: either the real links (frames of many streams in, captions
// out, all bookkeeping for failover), or a bare WebSocket client that sends the very same bytes in as many messages and parses what comes
// back. Both push at the same instants; `pace` is that alone, so that its cost can be taken off.

import { systemClock } from '@parley/kernel'
import { LINK_RECORD_HEADER_BYTES, writeLinkRecord } from '@parley/protocol'
import { silentLogger } from '@parley/telemetry'
import { WebSocket } from 'ws'
import { createSpeechLinks, type SpeechLinks } from '../../apps/pod/src/speech/speech-links.ts'
import type { SpeechListener, SpeechStream } from '../../apps/pod/src/speech/speech-port.ts'
import { serveBench } from '../lib/child.ts'

export interface Setup {
  readonly kind: 'link' | 'bare' | 'pace'
  readonly streams: number
  readonly payloadBytes: number
  readonly worker: { readonly workerId: string; readonly url: string }
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

async function startLink({ streams, payloadBytes, worker, secret }: Setup): Promise<void> {
  const speech: SpeechLinks = createSpeechLinks({
    clock: systemClock,
    config: { speech: { workerWaitMs: 30_000 } },
    podId: 'pod_bench',
    fleetSecret: secret,
    logger: silentLogger,
  })
  speech.setWorkers([worker])
  while (speech.status().workers === 0) await new Promise((resolve) => setTimeout(resolve, 20))
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

/** The least that carries the same: one message every 20 ms with all frames, each result parsed and counted. */
async function startBare({ streams, payloadBytes, worker }: Setup): Promise<void> {
  const socket = new WebSocket(`${worker.url}/bare?streams=${streams}`, {
    perMessageDeflate: false,
    generateMask: () => {},
  })
  await new Promise((resolve, reject) => {
    socket.once('open', resolve)
    socket.once('error', reject)
  })
  socket.on('message', (data: Buffer) => {
    const message = JSON.parse(data.toString()) as { readonly type?: unknown }
    if (message.type === 'partial' || message.type === 'final') counts.results++
  })
  const payload = new Uint8Array(payloadBytes)
  const recordBytes = LINK_RECORD_HEADER_BYTES + payloadBytes
  const batch = Buffer.allocUnsafeSlow(LARGE_BYTES + recordBytes)
  let end = 0
  let sentAtMs = performance.now()
  const send = () => {
    if (end === 0) return
    socket.send(Buffer.from(batch.subarray(0, end)))
    counts.messages++
    end = 0
    sentAtMs = performance.now()
  }
  const push = (stream: number, mediaTime: number) => {
    end = writeLinkRecord(batch, end, stream, mediaTime, payload)
    if (end >= LARGE_BYTES) send()
  }
  pace(streams, push, () => {
    if (performance.now() - sentAtMs >= FRAME_MS - 1) send()
  })
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
