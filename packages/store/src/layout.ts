// Where records lie in the data directory: the one place that says so.
import { readdir } from 'node:fs/promises'
import path from 'node:path'

export interface RecordFolders {
  /** The database when there is no PostgreSQL. */
  readonly databaseFile: string
  readonly archiveFolder: string
  /** Spill of one member; a file must have one owner. */
  spillFileOf(memberId: string): string
  /** Spills of all members that ever ran here. */
  spillFiles(): Promise<string[]>
}

export function recordFolders(dataDir: string): RecordFolders {
  const root = path.join(dataDir, 'records')
  const spills = path.join(root, 'spill')
  return {
    databaseFile: path.join(root, 'records.db'),
    archiveFolder: path.join(root, 'archive'),
    spillFileOf: (memberId) => path.join(spills, `${memberId.replaceAll(/[^\w-]/g, '_')}.db`),
    async spillFiles() {
      const names = await readdir(spills).catch(() => [])
      return names.filter((name) => name.endsWith('.db')).map((name) => path.join(spills, name))
    },
  }
}
