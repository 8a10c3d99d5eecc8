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

/** True when `proof` is HMAC-SHA-256 of `nonce` under the fleet secret, base64url. */
export function isProof(fleetSecret: string, nonce: string, proof: string): boolean {
  const expected = createHmac('sha256', fleetSecret).update(nonce).digest()
  const given = Buffer.from(proof, 'base64url')
  return given.byteLength === expected.byteLength && timingSafeEqual(given, expected)
}
