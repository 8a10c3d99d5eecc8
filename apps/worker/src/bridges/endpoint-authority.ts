// Who may use the stream endpoints of a worker: everybody, or who holds an API key of the platform. Only hashes of keys are kept.
import { createHash, timingSafeEqual } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import type { IncomingMessage } from 'node:http'
import { join } from 'node:path'
import type { ResolvedConfig } from '@parley/config'
import { type Clock, err, ok, type Result } from '@parley/kernel'
import { ParleyError } from '@parley/protocol'

export type Authorise = (request: Pick<IncomingMessage, 'headers' | 'url'>) => Promise<Result<void, ParleyError>>

const API_KEY_FILE = 'apiKey'
const REVOKED_FILE = 'revoked.json'
const BEARER = /^Bearer +(\S+) *$/i

/** SHA-256 of every key there is: those of the configuration and the one of this machine, without those that pods of this machine know as revoked. */
export async function knownKeyHashes({ auth, data }: Pick<ResolvedConfig, 'auth' | 'data'>): Promise<Buffer[]> {
  const own = auth.apiKey === '' ? await readOwnKey(join(data.dir, API_KEY_FILE)) : auth.apiKey
  const configured = auth.keys.map(({ sha256: hash }) => Buffer.from(hash, 'hex'))
  const revoked = await readRevoked(join(data.dir, REVOKED_FILE))
  const all = [...(own === undefined ? [] : [sha256(own)]), ...configured]
  return all.filter((hash) => !revoked.has(hash.toString('hex')))
}

/** Hashes of revoked keys, as a pod writes them; none where no pod has run, or the file is not one. */
async function readRevoked(file: string): Promise<ReadonlySet<string>> {
  try {
    const { revoked } = JSON.parse(await readFile(file, 'utf8')) as { revoked: { kind: string; id: string }[] }
    return new Set(revoked.flatMap(({ kind, id }) => (kind === 'key' ? [id] : [])))
  } catch {
    return new Set()
  }
}

/** A machine that never ran a pod has none. */
async function readOwnKey(file: string): Promise<string | undefined> {
  const content = await readFile(file, 'utf8').catch(() => '')
  return content.trim() || undefined
}

export const allowAll: Authorise = async () => ok(undefined)

/** How old what is known of keys may be. */
const REREAD_EVERY_MS = 1_000

/**
 * The keys there are, read again when somebody comes and they were not read within a second: a platform that starts for the first time makes its key
 * while its workers start, and keys may be revoked while they run.
 */
export function keysOf(clock: Clock, read: () => Promise<readonly Buffer[]>): KeySource {
  let known: readonly Buffer[] = []
  let readAtMs = Number.NEGATIVE_INFINITY
  let reading: Promise<void> | undefined
  return {
    known: () => known,
    reread() {
      if (!reading && clock.nowMs() - readAtMs < REREAD_EVERY_MS) return Promise.resolve()
      reading ??= read()
        .then((hashes) => {
          known = hashes
          readAtMs = clock.nowMs()
        })
        .finally(() => {
          reading = undefined
        })
      return reading
    },
  }
}

export interface KeySource {
  known(): readonly Buffer[]
  /** Resolves when `known` is as new as it gets. */
  reread(): Promise<void>
}

/** `Authorization: Bearer KEY`, or `?token=KEY` for who cannot set headers (browsers). Takes the same time for every wrong key. */
export function requireKey(keys: KeySource): Authorise {
  return async (request) => {
    const key = keyOf(request)
    if (key === undefined) {
      const message = 'send an API key as "Authorization: Bearer KEY" or as ?token=KEY'
      return err(new ParleyError('UNAUTHENTICATED', { message }))
    }
    const hash = sha256(key)
    await keys.reread()
    if (isAmong(keys.known(), hash)) return ok(undefined)
    return err(new ParleyError('UNAUTHENTICATED', { message: 'the API key is not valid' }))
  }
}

function isAmong(hashes: readonly Buffer[], hash: Buffer): boolean {
  let isKnown = false
  for (const known of hashes) if (timingSafeEqual(known, hash)) isKnown = true
  return isKnown
}

function keyOf({ headers, url = '' }: Pick<IncomingMessage, 'headers' | 'url'>): string | undefined {
  const { authorization } = headers
  if (authorization !== undefined) return BEARER.exec(authorization)?.[1]
  return new URLSearchParams(url.split('?').slice(1).join('?')).get('token') ?? undefined
}

function sha256(text: string): Buffer {
  return createHash('sha256').update(text).digest()
}
