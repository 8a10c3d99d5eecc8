// The API key that the pod made at its first start, for commands on the same machine.
import { readFile } from 'node:fs/promises'
import path from 'node:path'

export interface KeptApiKey {
  readonly key: string
  readonly file: string
}

/** The key kept in `dataDir`; undefined when none was made yet. Throws when it is there and may not be read. */
export async function readApiKey(dataDir: string): Promise<KeptApiKey | undefined> {
  const file = path.join(dataDir, 'apiKey')
  try {
    return { key: (await readFile(file, 'utf8')).trim(), file }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}
