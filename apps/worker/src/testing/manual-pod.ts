// The pod's end of a link, driven by a test.
import { createHmac } from 'node:crypto'
import { systemClock } from '@parley/kernel'
import { eventually } from '@parley/kernel/testing'
import {
  LINK_SUBPROTOCOL,
  type PodToWorker,
  readLinkRecords,
  type WorkerToPod,
  writeLinkRecord,
} from '@parley/protocol'
import { SignJWT } from 'jose'
import { WebSocket } from 'ws'

export const TEST_SECRET = 'a-fleet-secret-for-tests-0123456789'
export const NONCE = 'n'.repeat(43)

export interface TokenOptions {
  readonly secret?: string
  readonly audience?: string
  readonly podId?: string
  readonly worker?: string
  readonly ageS?: number
  readonly algorithm?: string
  /** As in `link.hello`: a pod of the version before does not say it. */
  readonly keepsVoices?: boolean
  /** Certificate to trust, PEM. */
  readonly ca?: string
}

export function podToken(workerId: string, options: TokenOptions = {}): Promise<string> {
  const { secret = TEST_SECRET, audience = 'worker', podId = 'pod_test', worker = workerId } = options
  const nowS = Math.floor(systemClock.wallMs() / 1000) - (options.ageS ?? 0)
  return new SignJWT({ worker })
    .setProtectedHeader({ alg: options.algorithm ?? 'HS256' })
    .setSubject(podId)
    .setAudience(audience)
    .setIssuedAt(nowS)
    .setExpirationTime(nowS + 60)
    .sign(new TextEncoder().encode(secret))
}

export class ManualPod {
  readonly messages: WorkerToPod[] = []
  /** Audio of speeches, as it came. */
  readonly heard: { readonly stream: number; readonly sample: number; readonly samples: Int16Array }[] = []
  audioMessages = 0
  readonly socket: WebSocket
  closeCode: number | undefined
  /** HTTP status of a refused upgrade. */
  refusedWith: number | undefined

  constructor(url: string, headers: Record<string, string>, subprotocols: string[] = [LINK_SUBPROTOCOL], ca?: string) {
    this.socket = new WebSocket(url, subprotocols, { headers, ...(ca === undefined ? {} : { ca }) })
    this.socket.on('error', () => {})
    this.socket.on('unexpected-response', (request, response) => {
      this.refusedWith = response.statusCode
      request.destroy()
    })
    this.socket.on('message', (data, isBinary) => {
      if (isBinary) this.#hear(data as Buffer)
      else this.messages.push(JSON.parse(String(data)) as WorkerToPod)
    })
    this.socket.on('close', (code) => {
      this.closeCode = code
    })
  }

  /** Connected and greeted. */
  static async connect(address: { workerId: string; url: string }, options: TokenOptions = {}): Promise<ManualPod> {
    const token = await podToken(address.workerId, options)
    const pod = new ManualPod(address.url, { authorization: `Bearer ${token}` }, [LINK_SUBPROTOCOL], options.ca)
    await pod.isOpen()
    const { podId = 'pod_test', keepsVoices } = options
    const keeps = keepsVoices === undefined ? {} : { keepsVoices }
    pod.send({ type: 'link.hello', version: 1, podId, nonce: NONCE, ...keeps })
    await pod.got('worker.hello')
    await pod.got('worker.load')
    return pod
  }

  speak(stream: number, text: string, extra: Partial<Extract<PodToWorker, { type: 'speak.open' }>> = {}): void {
    this.send({ type: 'speak.open', stream, requestId: `req_${stream}`, text, creditMs: 60_000, ...extra })
  }

  /** What was heard of one speech, one piece after the other; throws when a sample is missing or comes twice. */
  speechOf(stream: number, fromSample = 0): Int16Array {
    const pieces = this.heard.filter((piece) => piece.stream === stream)
    const whole = new Int16Array(pieces.reduce((sum, { samples }) => sum + samples.length, 0))
    let at = 0
    for (const { sample, samples } of pieces) {
      if (sample !== fromSample + at) throw new Error(`sample ${sample} came where ${fromSample + at} was due`)
      whole.set(samples, at)
      at += samples.length
    }
    return whole
  }

  #hear(message: Buffer): void {
    this.audioMessages++
    readLinkRecords(message, (stream, sample, payload) => {
      this.heard.push({ stream, sample, samples: new Int16Array(Uint8Array.from(payload).buffer) })
    })
  }

  async isOpen(): Promise<void> {
    await eventually(() => (this.socket.readyState === WebSocket.OPEN ? undefined : 'not open'))
  }

  send(message: PodToWorker): void {
    this.sendRaw(JSON.stringify(message))
  }
  sendRaw(data: string | Uint8Array): void {
    this.socket.send(data)
  }

  open(stream: number, extra: Partial<Extract<PodToWorker, { type: 'stream.open' }>> = {}): void {
    const format = { codec: 'pcm16', sampleRateHz: 16_000, frameMs: 20 } as const
    const sessionId = `ses_${stream}`
    this.send({ type: 'stream.open', stream, sessionId, language: 'en-US', format, firstIndex: 0, ...extra })
  }

  /** `count` frames of samples that are all `value`, from `mediaTime` on. */
  audio(stream: number, mediaTime: number, value: number, count: number): void {
    const payload = new Uint8Array(new Int16Array(320).fill(value).buffer)
    const message = new Uint8Array(count * (10 + payload.byteLength))
    let offset = 0
    for (let n = 0; n < count; n++) offset = writeLinkRecord(message, offset, stream, mediaTime + n * 320, payload)
    this.sendRaw(message)
  }

  of<Type extends WorkerToPod['type']>(type: Type, stream?: number): Extract<WorkerToPod, { type: Type }>[] {
    return this.messages.filter(
      (message): message is Extract<WorkerToPod, { type: Type }> =>
        message.type === type && (stream === undefined || (message as { stream?: number }).stream === stream),
    )
  }

  async got<Type extends WorkerToPod['type']>(type: Type, stream?: number, count = 1) {
    await eventually(() => (this.of(type, stream).length >= count ? undefined : `no ${type}`))
    return this.of(type, stream).at(-1) as Extract<WorkerToPod, { type: Type }>
  }

  /** Closed by the worker, with which code. */
  async closed(): Promise<number> {
    await eventually(() => (this.closeCode === undefined ? 'not closed' : undefined))
    return this.closeCode as number
  }

  end(): void {
    this.socket.terminate()
  }
}

export const proofOfNonce = (nonce: string): string =>
  createHmac('sha256', TEST_SECRET).update(nonce).digest('base64url')
