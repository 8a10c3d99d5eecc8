// Certificate and key of the public listener: read at start, checked against each other, read again when they change.
import { createPrivateKey, X509Certificate } from 'node:crypto'
import { readFile, stat } from 'node:fs/promises'
import type { Server as TlsServer } from 'node:tls'
import type { ResolvedConfig } from '@parley/config'
import type { Scope } from '@parley/kernel'
import type { Logger } from '@parley/telemetry'
import { StartFailure } from '../exit-codes.ts'
import type { TlsCredentials } from '../http/listener.ts'

const WATCH_PERIOD_MS = 60_000

type TlsConfig = ResolvedConfig['tls']

/** Undefined when TLS is off. Throws StartFailure when a file is missing, unreadable or does not fit the other. */
export async function loadCredentials(tls: TlsConfig): Promise<TlsCredentials | undefined> {
  if (tls.mode === 'off') return undefined
  const cert = await readPem(tls.certFile, 'tls.certFile')
  const key = await readPem(tls.keyFile, 'tls.keyFile')
  try {
    if (new X509Certificate(cert).checkPrivateKey(createPrivateKey(key))) return { cert, key }
  } catch (error) {
    const message = `${tls.certFile} and ${tls.keyFile} are not a PEM certificate and an unencrypted private key`
    throw new StartFailure('usage', 'TLS_INVALID', `${message}: ${(error as Error).message}`, error)
  }
  throw new StartFailure(
    'usage',
    'TLS_INVALID',
    `the key ${tls.keyFile} does not belong to the certificate ${tls.certFile}`,
  )
}

/**
 * Takes a renewed certificate into use within a minute, without a restart; a bad one is logged and the old one stays. Resolves
 * when it knows what the files look like now.
 */
export async function watchCredentials(
  scope: Scope,
  server: Pick<TlsServer, 'setSecureContext'>,
  tls: TlsConfig,
  logger: Logger,
): Promise<void> {
  if (tls.mode === 'off') return
  let seen = await stampOf(tls)
  const look = async () => {
    const stamp = await stampOf(tls)
    if (stamp === seen) return
    seen = stamp
    try {
      const credentials = await loadCredentials(tls)
      if (credentials) server.setSecureContext({ ...credentials, minVersion: 'TLSv1.2' })
      logger.info({ certFile: tls.certFile }, 'certificate renewed')
    } catch (error) {
      logger.warn({ err: error }, 'the changed certificate is not usable; the one before stays in use')
    }
  }
  scope.every(WATCH_PERIOD_MS, () => void look())
}

// The inode too: two files of one size made within one tick of the file system's clock have the same time.
async function stampOf({ certFile, keyFile }: TlsConfig): Promise<string> {
  const times = await Promise.all([certFile, keyFile].map((path) => stat(path).catch(() => undefined)))
  return times.map((found) => (found ? `${found.ino}/${found.mtimeMs}/${found.size}` : 'gone')).join(' ')
}

async function readPem(path: string, setting: string): Promise<Buffer> {
  if (path === '') throw new StartFailure('usage', 'TLS_MISSING', `${setting} is not set, and TLS is on`)
  try {
    return await readFile(path)
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    const kind = code === 'EACCES' ? 'noPermission' : 'usage'
    throw new StartFailure(kind, 'TLS_MISSING', `${setting}: cannot read ${path} (${code})`, error)
  }
}
