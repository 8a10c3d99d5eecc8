// How a pod and a speech worker prove to each other that they belong to one fleet: the pod with a short-lived signed
// token, the worker with a MAC over the pod's nonce. Neither ever sends the secret.
import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto'
import { SignJWT } from 'jose'

const TOKEN_LIFETIME_S = 60

/** Token for the Authorization header of a link's upgrade: HS256, audience `worker`, good for 60 s and one worker. */
export function linkToken(fleetSecret: string, podId: string, workerId: string, wallMs: number): Promise<string> {
  const nowS = Math.floor(wallMs / 1000)
  return new SignJWT({ worker: workerId })
    .setProtectedHeader({ alg: 'HS256' })
    .setSubject(podId)
    .setAudience('worker')
    .setIssuedAt(nowS)
    .setExpirationTime(nowS + TOKEN_LIFETIME_S)
    .sign(new TextEncoder().encode(fleetSecret))
}

export function newNonce(): string {
  return randomBytes(32).toString('base64url')
}

/** True when `proof` is HMAC-SHA-256 of `text` (a nonce) under the fleet secret, base64url. */
export function isProof(fleetSecret: string, text: string, proof: string): boolean {
  const expected = createHmac('sha256', fleetSecret).update(text).digest()
  const given = Buffer.from(proof, 'base64url')
  return given.byteLength === expected.byteLength && timingSafeEqual(given, expected)
}

/**
 * The worker that a WWW-Authenticate header names in answer to `nonce` (LK21); undefined when it names none or cannot prove that it knows the
 * fleet secret.
 */
export function workerOfIdentity(fleetSecret: string, nonce: string, header: string | undefined): string | undefined {
  const [, workerId, proof] = /^Parley worker="([\w-]{1,64})", proof="([\w-]{43})"$/.exec(header ?? '') ?? []
  if (workerId === undefined || proof === undefined) return undefined
  return isProof(fleetSecret, `identity.${nonce}.${workerId}`, proof) ? workerId : undefined
}
