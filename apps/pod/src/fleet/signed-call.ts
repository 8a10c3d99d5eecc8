// Calls from pod to pod prove that they come from this fleet: an HMAC with a key of the fleet secret over method, path, body, time, nonce and the
// pod that is called. A call that was recorded is worth nothing: its nonce is remembered for as long as its time is accepted.
import { createHash, createHmac, hkdfSync, randomBytes, timingSafeEqual } from 'node:crypto'
import { err, ok, type Result } from '@parley/kernel'

export interface CallToSign {
  readonly method: string
  readonly path: string
  readonly body: string
  /** The pod that is called. */
  readonly podId: string
}

export const SIGNATURE_HEADER = 'x-parley-fleet'
/** Clocks of pods may be this far apart, in either direction. */
export const MAX_CLOCK_GAP_MS = 60_000
/** Nonces remembered; when they are all of calls that could still be repeated, further calls are refused. */
const MAX_NONCES = 200_000
const SCHEME = 'v1'
const HEADER = /^v1 t=(\d{1,16}) n=([0-9a-f]{32}) s=([0-9a-f]{64})$/

export type CallRefusal = 'unsigned' | 'clock' | 'forged' | 'repeated' | 'busy'

/** The key of calls: what else the fleet secret signs cannot be passed off as a call. */
export function callKey(fleetSecret: string): Buffer {
  return Buffer.from(hkdfSync('sha256', fleetSecret, '', 'parley calls between pods', 32))
}

/** Value of the header that goes with the call. `wallMs`: of the caller's clock. */
export function signCall(
  key: Buffer,
  call: CallToSign,
  wallMs: number,
  nonce = randomBytes(16).toString('hex'),
): string {
  const atMs = Math.round(wallMs)
  return `${SCHEME} t=${atMs} n=${nonce} s=${signature(key, call, atMs, nonce)}`
}

export class CallCheck {
  readonly #key: Buffer
  readonly #maxNonces: number
  /** Nonce -> until when it could be used again; in the order in which they came. */
  readonly #nonces = new Map<string, number>()

  constructor(key: Buffer, maxNonces = MAX_NONCES) {
    this.#key = key
    this.#maxNonces = maxNonces
  }

  /** Ok when the call is of this fleet, for this pod, of now, and was not made before. */
  check(header: string | undefined, call: CallToSign, wallMs: number): Result<void, CallRefusal> {
    const parts = HEADER.exec(header ?? '')
    if (!parts) return err('unsigned')
    const [, time = '', nonce = '', signed = ''] = parts
    const atMs = Number(time)
    // Before the clock: what is not of this fleet learns nothing about it.
    const expected = signature(this.#key, call, atMs, nonce)
    if (!timingSafeEqual(Buffer.from(signed, 'hex'), Buffer.from(expected, 'hex'))) return err('forged')
    if (Math.abs(wallMs - atMs) > MAX_CLOCK_GAP_MS) return err('clock')
    this.#forget(wallMs)
    if (this.#nonces.has(nonce)) return err('repeated')
    if (this.#nonces.size >= this.#maxNonces) return err('busy')
    this.#nonces.set(nonce, wallMs + 2 * MAX_CLOCK_GAP_MS)
    return ok(undefined)
  }

  #forget(wallMs: number): void {
    for (const [nonce, untilMs] of this.#nonces) {
      if (untilMs > wallMs) return
      this.#nonces.delete(nonce)
    }
  }
}

function signature(key: Buffer, { method, path, body, podId }: CallToSign, atMs: number, nonce: string): string {
  const digest = createHash('sha256').update(body).digest('hex')
  return createHmac('sha256', key)
    .update([SCHEME, podId, method, path, digest, String(atMs), nonce].join('\n'))
    .digest('hex')
}
