// What speech workers that are reached over TLS are trusted by.
import { readFile } from 'node:fs/promises'
import { getCACertificates } from 'node:tls'
import { StartFailure } from '../exit-codes.ts'

/** The certificate of `file` (PEM) beside those of the system; undefined, which means those of the system, when none is named. Throws StartFailure. */
export async function workerCertificates(file: string): Promise<readonly string[] | undefined> {
  if (file === '') return undefined
  let text: string
  try {
    text = await readFile(file, 'utf8')
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    const kind = code === 'EACCES' || code === 'EPERM' ? 'noPermission' : 'usage'
    throw new StartFailure(kind, 'TLS_UNUSABLE', `cannot read worker.tlsCaFile ${file} (${code})`, error)
  }
  if (!text.includes('-----BEGIN CERTIFICATE-----')) {
    throw new StartFailure('usage', 'TLS_UNUSABLE', `worker.tlsCaFile ${file} holds no PEM certificate`)
  }
  return [...getCACertificates('default'), text]
}
