// Values of `parley emit nginx` as people write them: 8000=8001,8011 and 1h. A wrong one is refused with the right form.
import { InvalidArgumentError } from 'commander'
import type { Balanced, FleetPod, HostPort } from './nginx-plan.ts'

const BALANCED_FORM = 'a port and the members behind it, such as 8000=8001,8011 or *:8000=10.0.0.5:8001,10.0.0.6:8001'

const refuse = (text: string, right: string): InvalidArgumentError =>
  new InvalidArgumentError(`"${text}" is not ${right}.`)

/** `8001`, `host:8001` or `[v6]:8001`; a bare port is on `defaultHost`. */
export function parseHostPort(text: string, defaultHost: string, right = 'a port, or host:port'): HostPort {
  const match = /^(?:(\[[0-9a-f:.]+\]|[\w.*-]+):)?(\d{1,5})$/i.exec(text.trim())
  const port = Number(match?.[2])
  if (!match || port < 1 || port > 65_535) throw refuse(text, right)
  const host = (match[1] ?? defaultHost).replace(/^\[|\]$/g, '')
  return { host, port }
}

/** Makes the parser of --recognise and --synthesise; both may be given several times. */
export const parseBalanced =
  (role: Balanced['role']) =>
  (text: string, earlier: readonly Balanced[] = []): Balanced[] => {
    const [listen = '', members = '', ...rest] = text.split('=')
    const named = members.split(',').filter((member) => member.trim() !== '')
    if (listen === '' || named.length === 0 || rest.length > 0) throw refuse(text, BALANCED_FORM)
    return [
      ...earlier,
      {
        role,
        listen: parseHostPort(listen, '127.0.0.1', BALANCED_FORM),
        members: named.map((member) => parseHostPort(member, '127.0.0.1', BALANCED_FORM)),
      },
    ]
  }

const POD_FORM = 'the id of a pod and where it listens, such as pod_a1b2=http://10.0.0.5:8080'

/** A pod as --pod names it, and whether it speaks TLS. */
export interface NamedPod extends FleetPod {
  readonly isTls: boolean
}

/** Where a pod listens; undefined when the text is no address of one. */
export function podAddressOf(text: string): (HostPort & { readonly isTls: boolean }) | undefined {
  const url = URL.parse(text)
  if (!url || !/^https?:$/.test(url.protocol) || url.pathname !== '/' || url.search + url.hash + url.username !== '') {
    return undefined
  }
  const isTls = url.protocol === 'https:'
  const host = url.hostname.replace(/^\[|\]$/g, '')
  return /^[\w.:-]+$/.test(host) ? { host, port: Number(url.port) || (isTls ? 443 : 80), isTls } : undefined
}

/** Of --pod, which may be given several times. */
export function parsePod(text: string, earlier: readonly NamedPod[] = []): NamedPod[] {
  const [, id = '', url = ''] = /^([\w-]{1,64})=(.+)$/.exec(text.trim()) ?? []
  const found = podAddressOf(url)
  if (!found) throw refuse(text, POD_FORM)
  const { isTls, ...address } = found
  return [...earlier, { id, address, isTls }]
}

/** A name as certificates and links have it. */
export function parseHostName(text: string): string {
  if (/^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$/i.test(text)) return text.toLowerCase()
  throw refuse(text, 'a host name, such as captions.example.org')
}

/** `90s`, `10min`, `1h`, to ms. */
export function parseTimeMs(text: string): number {
  const match = /^(\d+)(ms|s|min|h)$/.exec(text.trim())
  const factor = { ms: 1, s: 1_000, min: 60_000, h: 3_600_000 }[match?.[2] ?? '']
  const ms = Number(match?.[1]) * (factor ?? Number.NaN)
  if (!(ms >= 1)) throw refuse(text, 'a time with its unit, such as 90s, 10min or 1h')
  return ms
}

export const parseCount =
  (least: number, most: number) =>
  (text: string): number => {
    const count = Number(text)
    if (!/^\d+$/.test(text) || count < least || count > most) {
      throw refuse(text, `a whole number from ${least} to ${most}`)
    }
    return count
  }
