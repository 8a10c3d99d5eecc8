// Certificate and key of the worker's listener: read at start, checked against each other. What is wrong with them is one clear line.
import { createPrivateKey, X509Certificate } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { err, ok, type Result } from '@parley/kernel'
import type { TlsCredentials } from './listener.ts'

export interface TlsFiles {
  readonly tlsCertFile: string
  readonly tlsKeyFile: string
}

/** Undefined when none are configured. The error is one line for a person; it names setting and file. */
export async function readTlsFiles({
  tlsCertFile,
  tlsKeyFile,
}: TlsFiles): Promise<Result<TlsCredentials | undefined, string>> {
  if (tlsCertFile === '' && tlsKeyFile === '') return ok(undefined)
  const [cert, key] = [await readPem('worker.tlsCertFile', tlsCertFile), await readPem('worker.tlsKeyFile', tlsKeyFile)]
  if (!cert.ok) return cert
  if (!key.ok) return key
  try {
    if (new X509Certificate(cert.value).checkPrivateKey(createPrivateKey(key.value))) {
      return ok({ cert: cert.value, key: key.value })
    }
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    return err(`${tlsCertFile} and ${tlsKeyFile} are not a PEM certificate and an unencrypted private key: ${reason}`)
  }
  return err(
    `the key ${tlsKeyFile} (worker.tlsKeyFile) does not belong to the certificate ${tlsCertFile} (worker.tlsCertFile)`,
  )
}

async function readPem(setting: string, file: string): Promise<Result<Buffer, string>> {
  try {
    return ok(await readFile(file))
  } catch (error) {
    return err(`${setting}: cannot read ${file} (${(error as NodeJS.ErrnoException).code})`)
  }
}
