// Bodies of requests, read into memory within bounds: of each, of all of a member together, and of time.
import type { IncomingMessage } from 'node:http'
import type { Readable } from 'node:stream'
import { type Clock, err, ok, type Result, type Timer } from '@parley/kernel'
import { ParleyError } from '@parley/protocol'
import { UPLOAD_DEADLINE_MS } from './limits.ts'

const BUSY_RETRY_MS = 2_000

/** What all bodies of a member may hold together. */
export class UploadRoom {
  readonly #maxBytes: number
  #heldBytes = 0

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes
  }

  get heldBytes(): number {
    return this.#heldBytes
  }

  /** The room of one request; given back by `release`. */
  open(): UploadShare {
    let shareBytes = 0
    let isOver = false
    return {
      take: (bytes) => {
        if (isOver || this.#heldBytes + bytes > this.#maxBytes) return false
        this.#heldBytes += bytes
        shareBytes += bytes
        return true
      },
      release: () => {
        isOver = true
        this.#heldBytes -= shareBytes
        shareBytes = 0
      },
    }
  }
}

export interface UploadShare {
  /** False: the member holds as much as it may, or the share was released. */
  take(bytes: number): boolean
  /** What comes late is not counted any more. Idempotent. */
  release(): void
}

export interface UploadLimits {
  readonly clock: Clock
  readonly share: UploadShare
  readonly maxBytes: number
  /** Named in the refusal. */
  readonly field?: string
}

/** The whole body; undefined when its sender has gone away. */
export async function readBody(
  request: IncomingMessage,
  limits: UploadLimits,
): Promise<Result<Buffer, ParleyError> | undefined> {
  const announced = Number(request.headers['content-length'] ?? 0)
  if (announced > limits.maxBytes) return err(tooLarge(limits))
  return withinDeadline(limits.clock, request, collect(request, limits))
}

/** What `stream` brings, within `limits`; undefined when it broke off. */
export async function collect(
  stream: Readable,
  limits: UploadLimits,
): Promise<Result<Buffer, ParleyError> | undefined> {
  const chunks: Buffer[] = []
  let bytes = 0
  try {
    for await (const chunk of stream.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
      bytes += chunk.byteLength
      if (bytes > limits.maxBytes) return err(tooLarge(limits))
      if (!limits.share.take(chunk.byteLength)) return err(noRoom())
      chunks.push(chunk)
    }
  } catch {
    return undefined
  }
  return ok(Buffer.concat(chunks, bytes))
}

/** What `reading` answers, or that it took too long; the rest of the request is let go by then. */
export async function withinDeadline<T>(
  clock: Clock,
  request: IncomingMessage,
  reading: Promise<Result<T, ParleyError> | undefined>,
): Promise<Result<T, ParleyError> | undefined> {
  let timer: Timer | undefined
  const late = new Promise<Result<T, ParleyError>>((resolve) => {
    timer = clock.after(UPLOAD_DEADLINE_MS, () => {
      const message = `the body was not here within ${UPLOAD_DEADLINE_MS / 1000} s`
      resolve(err(new ParleyError('REQUEST_TIMEOUT', { message })))
    })
  })
  const gone = new Promise<undefined>((resolve) => request.once('close', () => !request.complete && resolve(undefined)))
  const read = await Promise.race([reading, late, gone])
  timer?.cancel()
  if (!read?.ok) {
    // What still comes of the body is thrown away, so that the answer is read.
    request.unpipe()
    request.resume()
  }
  return read
}

function tooLarge({ maxBytes, field }: UploadLimits): ParleyError {
  const message = `${field === undefined ? 'the body' : `field "${field}"`} has more than ${maxBytes} bytes; send it in parts`
  return new ParleyError('MESSAGE_TOO_LARGE', { message, ...(field === undefined ? {} : { field }) })
}

export function noRoom(): ParleyError {
  const message = 'this member holds as many uploads as it may'
  return new ParleyError('RATE_LIMITED', { message, retryAfterMs: BUSY_RETRY_MS })
}
