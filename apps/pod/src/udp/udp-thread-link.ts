// The main loop's end of one UDP thread, from its start to its end: messages with deadlines, frames, and the news that it died.
import { Worker } from 'node:worker_threads'
import type { Clock, Timer } from '@parley/kernel'
import type { StageTimer } from '@parley/telemetry'
import type { FrameShape } from './channel-table.ts'
import { FrameDrain } from './frame-drain.ts'
import { makeSharedRing, RingReader, type RingSink, ringUsedBytes, type SharedRing } from './shared-ring.ts'
import type { FromThread, ThreadData, ToThread } from './thread-messages.ts'

const START_DEADLINE_MS = 10_000
const OPEN_DEADLINE_MS = 1_000
/** `close` waits so long for the thread to leave by itself; then it is ended. */
const LEAVE_DEADLINE_MS = 150
/** Its heap holds channels and a few packets; a small young generation keeps the memory it touches small. */
const RESOURCE_LIMITS = { maxOldGenerationSizeMb: 256, maxYoungGenerationSizeMb: 16 }

export type ThreadStart =
  | Extract<FromThread, { kind: 'listening' }>
  | { readonly kind: 'failed'; readonly code: string; readonly message: string }

export interface ThreadLinkOptions {
  readonly clock: Clock
  readonly ringBytes: number
  readonly data: Omit<ThreadData, 'ring' | 'sleep'>
  readonly onFrame: RingSink
  /** Of the main loop; nobody measures unless told. */
  readonly stages?: StageTimer | undefined
  /** The thread ended though nobody asked it to; once, and only after it had started. */
  readonly onDeath: (reason: string) => void
}

interface OpenRequest {
  readonly answer: (isOpen: boolean) => void
  readonly timer: Timer
}

export class UdpThreadLink {
  readonly #options: ThreadLinkOptions
  readonly #ring: SharedRing
  readonly #drain: FrameDrain
  readonly #sleep = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT))
  readonly #worker: Worker
  readonly #requests = new Map<number, OpenRequest>()
  readonly #gone: Promise<void>
  #state: 'starting' | 'running' | 'closing' | 'gone' = 'starting'
  #onStart: (start: ThreadStart) => void = () => {}
  #failure = 'it ended by itself'

  constructor(options: ThreadLinkOptions) {
    this.#options = options
    this.#ring = makeSharedRing(options.ringBytes)
    this.#drain = new FrameDrain(new RingReader(this.#ring), options.clock, options.onFrame, options.stages)
    this.#worker = new Worker(new URL('./udp-thread.ts', import.meta.url), {
      name: 'udp',
      workerData: { ...options.data, ring: this.#ring, sleep: this.#sleep } satisfies ThreadData,
      resourceLimits: RESOURCE_LIMITS,
    })
    this.#worker.on('message', (message: FromThread) => this.#onMessage(message))
    this.#worker.on('error', (error) => {
      this.#failure = String(error)
    })
    this.#gone = new Promise((resolve) => {
      this.#worker.once('exit', () => {
        this.#onExit()
        resolve()
      })
    })
  }

  get ringUsedBytes(): number {
    return ringUsedBytes(this.#ring)
  }

  /** What became of binding the socket; asked once, right after the constructor. */
  started(): Promise<ThreadStart> {
    return new Promise((resolve) => {
      const timer = this.#options.clock.after(START_DEADLINE_MS, () => {
        this.#onStart({
          kind: 'failed',
          code: 'TIMEOUT',
          message: `the thread did not start within ${START_DEADLINE_MS} ms`,
        })
      })
      this.#onStart = (start) => {
        timer.cancel()
        this.#onStart = () => {}
        resolve(start)
      }
    })
  }

  /** True when the thread has acknowledged the channel within a second. `key` is handed over. */
  open(handle: number, channel: number, key: Uint8Array<ArrayBuffer>, frame: FrameShape): Promise<boolean> {
    if (this.#state !== 'running') return Promise.resolve(false)
    return new Promise((resolve) => {
      const timer = this.#options.clock.after(OPEN_DEADLINE_MS, () => this.#settle(handle, false))
      this.#requests.set(handle, { answer: resolve, timer })
      this.#post({ kind: 'open', handle, channel, key, frame }, [key.buffer])
    })
  }

  /** Not acknowledged: the main loop skips frames of handles it does not know. */
  closeChannel(handle: number): void {
    this.#settle(handle, false)
    if (this.#state === 'running') this.#post({ kind: 'close', handle })
  }

  /** The thread leaves, or is ended after LEAVE_DEADLINE_MS. Idempotent. */
  async close(): Promise<void> {
    if (this.#state === 'gone') return
    if (this.#state !== 'closing') {
      const wasRunning = this.#state === 'running'
      this.#state = 'closing'
      this.#drain.close()
      if (wasRunning) this.#post({ kind: 'stop' })
      const timer = this.#options.clock.after(wasRunning ? LEAVE_DEADLINE_MS : 0, () => void this.#worker.terminate())
      void this.#gone.then(() => timer.cancel())
    }
    await this.#gone
  }

  #post(message: ToThread, transfer: readonly ArrayBuffer[] = []): void {
    this.#worker.postMessage(message, transfer)
    // It may be asleep between two batches.
    Atomics.notify(this.#sleep, 0)
  }

  #onMessage(message: FromThread): void {
    switch (message.kind) {
      case 'listening':
        if (this.#state === 'starting') this.#state = 'running'
        this.#onStart(message)
        break
      case 'failed':
        this.#onStart(message)
        break
      case 'opened':
        this.#settle(message.handle, true)
    }
  }

  #settle(handle: number, isOpen: boolean): void {
    const request = this.#requests.get(handle)
    if (!request) return
    this.#requests.delete(handle)
    request.timer.cancel()
    request.answer(isOpen)
  }

  #onExit(): void {
    const before = this.#state
    this.#state = 'gone'
    this.#drain.close()
    for (const handle of [...this.#requests.keys()]) this.#settle(handle, false)
    this.#onStart({ kind: 'failed', code: 'THREAD', message: this.#failure })
    if (before === 'running') this.#options.onDeath(this.#failure)
  }
}
