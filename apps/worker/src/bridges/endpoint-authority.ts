// Who may use the stream endpoints of a worker: everybody, or who holds an API key of the platform. Only hashes of keys are kept.
import { createHash, timingSafeEqual } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import type { IncomingMessage } from 'node:http'
import { join } from 'node:path'
import type { ResolvedConfig } from '@parley/config'
import { err, ok, type Result } from '@parley/kernel'
import { ParleyError } from '@parley/protocol'

export type Authorise = (request: Pick<IncomingMessage, 'headers' | 'url'>) => Promise<Result<void, ParleyError>>

const API_KEY_FILE = 'apiKey'
const BEARER = /^Bearer +(\S+) *$/i

/** SHA-256 of every key there is: those of the configuration and the one of this machine. */
export async function knownKeyHashes({ auth, data }: Pick<ResolvedConfig, 'auth' | 'data'>): Promise<Buffer[]> {
  const own = auth.apiKey === '' ? await readOwnKey(join(data.dir, API_KEY_FILE)) : auth.apiKey
  return [...(own === undefined ? [] : [sha256(own)]), ...auth.keys.map(({ sha256: hash }) => Buffer.from(hash, 'hex'))]
}

/** A machine that never ran a pod has none. */
async function readOwnKey(file: string): Promise<string | undefined> {
  const content = await readFile(file, 'utf8').catch(() => '')
  return content.trim() || undefined
}

export const allowAll: Authorise = async () => ok(undefined)

/** `Authorization: Bearer KEY`, or `?token=KEY` for who cannot set headers (browsers). Takes the same time for every wrong key. */
export function requireKey(hashes: readonly Buffer[]): Authorise {
  return async (request) => {
    const key = keyOf(request)
    if (key === undefined) {
      const message = 'send an API key as "Authorization: Bearer KEY" or as ?token=KEY'
      return err(new ParleyError('UNAUTHENTICATED', { message }))
    }
    const hash = sha256(key)
    let isKnown = false
    for (const known of hashes) if (timingSafeEqual(known, hash)) isKnown = true
    return isKnown ? ok(undefined) : err(new ParleyError('UNAUTHENTICATED', { message: 'the API key is not valid' }))
  }
}

function keyOf({ headers, url = '' }: Pick<IncomingMessage, 'headers' | 'url'>): string | undefined {
  const { authorization } = headers
  if (authorization !== undefined) return BEARER.exec(authorization)?.[1]
  return new URLSearchParams(url.split('?').slice(1).join('?')).get('token') ?? undefined
}

function sha256(text: string): Buffer {
  return createHash('sha256').update(text).digest()
}
