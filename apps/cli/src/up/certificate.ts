// The self-made certificate of a platform on a LAN: made once, kept in the data directory, renewed before it expires or when
// the machine has an address that it does not name.
import { X509Certificate } from 'node:crypto'
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises'
import { isIP } from 'node:net'
import type os from 'node:os'
import path from 'node:path'

const LIFETIME_DAYS = 365
const RENEW_BEFORE_DAYS = 30
const DAY_MS = 86_400_000

export interface KeptCertificate {
  readonly certFile: string
  readonly keyFile: string
  /** SHA-256, as browsers show it. */
  readonly fingerprint: string
  readonly isNew: boolean
}

/** Every name and address under which the machine is reached, with `host` if it is one. */
export function certificateNames(
  hostname: string,
  interfaces: NodeJS.Dict<os.NetworkInterfaceInfo[]>,
  host: string,
): string[] {
  const addresses = Object.values(interfaces).flatMap((infos) => (infos ?? []).map(({ address }) => address))
  // Link-local addresses need a zone, which a certificate cannot name.
  const reachable = addresses.filter((address) => !address.toLowerCase().startsWith('fe80:'))
  const unspecified = new Set(['0.0.0.0', '::', ''])
  const names = ['localhost', hostname, `${hostname}.local`, '127.0.0.1', '::1', ...reachable]
  return [...new Set(unspecified.has(host) ? names : [...names, host])].filter(
    (name) => name !== '.local' && name !== '',
  )
}

/** Whether the certificate still serves: not about to expire, and naming every one of `names`. */
export function isUsable(certificate: X509Certificate, names: readonly string[], wallMs: number): boolean {
  if (certificate.validToDate.getTime() - wallMs < RENEW_BEFORE_DAYS * DAY_MS) return false
  if (certificate.validFromDate.getTime() > wallMs) return false
  return names.every((name) => (isIP(name) ? certificate.checkIP(name) : certificate.checkHost(name)) !== undefined)
}

async function readKept(certFile: string, keyFile: string): Promise<X509Certificate | undefined> {
  try {
    await readFile(keyFile)
    return new X509Certificate(await readFile(certFile))
  } catch {
    return undefined
  }
}

async function put(file: string, content: string, mode: number): Promise<void> {
  await writeFile(`${file}.tmp`, content, { mode })
  await rename(`${file}.tmp`, file)
}

/** The certificate of `dataDir` for `names`, made or renewed when needed. Times are wall clock, milliseconds. */
export async function keepCertificate(
  dataDir: string,
  names: readonly string[],
  wallMs: number,
): Promise<KeptCertificate> {
  const folder = path.join(dataDir, 'tls')
  const [certFile, keyFile] = [path.join(folder, 'self-signed.crt'), path.join(folder, 'self-signed.key')]
  const kept = await readKept(certFile, keyFile)
  if (kept && isUsable(kept, names, wallMs))
    return { certFile, keyFile, fingerprint: kept.fingerprint256, isNew: false }
  await mkdir(folder, { recursive: true, mode: 0o700 })
  // Two hundred files, for who makes a certificate.
  const { generate } = await import('selfsigned')
  const pems = await generate([{ name: 'commonName', value: 'Parley (self-signed)' }], {
    keyType: 'ec',
    curve: 'P-256',
    algorithm: 'sha256',
    // An hour back, for devices whose clocks are behind.
    notBeforeDate: new Date(wallMs - 3_600_000),
    notAfterDate: new Date(wallMs + LIFETIME_DAYS * DAY_MS),
    extensions: [
      { name: 'basicConstraints', cA: true, critical: true },
      { name: 'keyUsage', digitalSignature: true, keyCertSign: true, critical: true },
      { name: 'extKeyUsage', serverAuth: true },
      {
        name: 'subjectAltName',
        altNames: names.map((name) => (isIP(name) ? { type: 7, ip: name } : { type: 2, value: name })),
      },
    ],
  })
  await put(keyFile, pems.private, 0o600)
  await put(certFile, pems.cert, 0o644)
  return { certFile, keyFile, fingerprint: new X509Certificate(pems.cert).fingerprint256, isNew: true }
}
