// What `parley up` says: addresses, the line to paste, engines. Pure: words from values.
import { isIPv6 } from 'node:net'
import type os from 'node:os'
import type { ResolvedConfig } from '@parley/config'
import type { SpeechView } from './supervisor.ts'

const bracketed = (host: string): string => (isIPv6(host) ? `[${host}]` : host)
const isUnspecified = (host: string): boolean => host === '0.0.0.0' || host === '::'

/** The address people of this machine use; `port` is the one that was bound. */
export function localUrl(config: ResolvedConfig, port: number): string {
  if (config.server.publicUrl !== '') return config.server.publicUrl.replace(/\/$/, '')
  return directUrl(config, port)
}

/** Where a pod itself listens, whatever stands in front of it. */
export function directUrl(config: ResolvedConfig, port: number): string {
  const scheme = config.tls.mode === 'off' ? 'http' : 'https'
  const host = isUnspecified(config.server.host) ? '127.0.0.1' : bracketed(config.server.host)
  return `${scheme}://${host}:${port}`
}

/** An address for other devices, when the platform listens on every address and no public one is configured. */
export function networkUrl(
  config: ResolvedConfig,
  port: number,
  interfaces: NodeJS.Dict<os.NetworkInterfaceInfo[]>,
): string | undefined {
  if (config.server.publicUrl !== '' || !isUnspecified(config.server.host)) return undefined
  const outward = Object.values(interfaces).flatMap((infos) => (infos ?? []).filter((info) => !info.internal))
  const found = outward.find(({ family }) => family === 'IPv4')
  if (!found) return undefined
  return `${config.tls.mode === 'off' ? 'http' : 'https'}://${found.address}:${port}`
}

export interface CaptionLine {
  readonly launcher: string
  readonly sample: string
  readonly url: string
  /** Set when commands would not find the platform's data directory by themselves. */
  readonly dataDir: string | undefined
}

const quoted = (word: string): string => (/^[\w./:@%+=,-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`)

/** The line to paste into a second terminal. */
export function captionLine({ launcher, sample, url, dataDir }: CaptionLine): string {
  const prefix = dataDir === undefined ? '' : `PARLEY_DATA_DIR=${quoted(dataDir)} `
  const where = url === 'http://127.0.0.1:8080' ? '' : ` --url ${quoted(url)}`
  return `${prefix}${quoted(launcher)} caption ${quoted(sample)}${where}`
}

/** One line per engine, and whether captions can be made. */
export function speechLines(speech: SpeechView): { readonly isReady: boolean; readonly lines: readonly string[] } {
  const isReady = speech.slots > 0 && speech.engines.some((engine) => engine.ready)
  const lines = speech.engines.map((engine) => {
    const languages = engine.languages.join(', ')
    if (engine.ready) return `${engine.name} (${languages}): ready, ${speech.slots} slots`
    return `${engine.name} (${languages}): not ready: ${engine.problem ?? 'warming up'}`
  })
  return { isReady, lines }
}
