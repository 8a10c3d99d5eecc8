// Which platform, with which key and certificate: what was typed, else the environment, else the one that runs here.
import { readFile } from 'node:fs/promises'
import type { CliContext } from '../context.ts'
import { loadOrFail } from '../context.ts'
import { CliError } from '../exit-codes.ts'
import { readApiKey } from '../platform/api-key.ts'
import { findRun } from '../platform/run-file.ts'
import { CAPTION_EXIT, CaptionUsageError } from './exit-codes.ts'

export interface Target {
  readonly url: string
  readonly apiKey: string
  /** PEM. */
  readonly ca?: string
}

export interface TargetOptions {
  readonly url?: string
  readonly key?: string
  readonly ca?: string
}

/** Throws CliError: nothing runs here, no key, a certificate that cannot be read. */
export async function resolveTarget(
  options: TargetOptions,
  context: Pick<CliContext, 'env' | 'cwd' | 'homeDir'>,
): Promise<Target> {
  // With everything said, no file of this machine is asked: it may have none.
  const typedCa = options.ca === undefined ? undefined : await readCertificate(options.ca)
  if (options.url !== undefined && options.key !== undefined) {
    const found = typedCa === undefined ? await caOfRun(options.url, context) : typedCa
    return { url: options.url, apiKey: options.key, ...(found === undefined ? {} : { ca: found }) }
  }
  const { config } = await loadOrFail(context as CliContext, undefined, [])
  const run = await findRun(config.data.dir, options.url)
  const url = options.url ?? run?.url
  if (url === undefined) {
    throw new CliError(
      'no platform runs on this machine: start it with ./parley up, or give --url and --key',
      CAPTION_EXIT.unreachable,
    )
  }
  const kept = config.auth.apiKey === '' ? (await readApiKey(config.data.dir))?.key : config.auth.apiKey
  const apiKey = options.key ?? kept
  if (apiKey === undefined) {
    throw new CliError(
      `there is no key for ${url}: give --key, or set PARLEY_API_KEY (on its machine: ./parley config show --reveal apiKey)`,
      CAPTION_EXIT.refused,
    )
  }
  const ca = typedCa ?? (run?.caFile === undefined ? undefined : await readCertificate(run.caFile))
  return { url, apiKey, ...(ca === undefined ? {} : { ca }) }
}

/** Says so when the key, and `what` besides, would travel readable over a network. */
export function warnOfReadableKey(url: string, what: string, warn: (text: string) => void): void {
  const parsed = URL.canParse(url) ? new URL(url) : undefined
  if (parsed?.protocol !== 'http:') return
  const isLoopback = /^(localhost|127\.\d+\.\d+\.\d+|\[::1\])$/.test(parsed.hostname)
  if (!isLoopback) warn(`the key and ${what} travel readable to ${parsed.host}; use https:// where it can be had`)
}

/** The certificate a platform of this machine made for itself, when `url` is such a one. Never fails: it is a courtesy. */
async function caOfRun(url: string, context: Pick<CliContext, 'env' | 'cwd' | 'homeDir'>): Promise<string | undefined> {
  if (!url.startsWith('https:')) return undefined
  try {
    const { config } = await loadOrFail(context as CliContext, undefined, [])
    const run = await findRun(config.data.dir, url)
    return run?.caFile === undefined ? undefined : await readFile(run.caFile, 'utf8')
  } catch {
    return undefined
  }
}

async function readCertificate(file: string): Promise<string> {
  const pem = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    throw new CaptionUsageError(`cannot read the certificate ${file}: ${error.code ?? error.message}`)
  })
  if (!pem.includes('-----BEGIN CERTIFICATE-----')) {
    throw new CaptionUsageError(`${file} is not a PEM certificate: it has no "BEGIN CERTIFICATE" line`)
  }
  return pem
}
