import { mkdtemp, rm } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { storeContract } from './testing/store-contract.ts'
import { temporaryPostgres } from './testing/temporary-postgres.ts'

storeContract('SQLite', {
  async create() {
    const folder = await mkdtemp(path.join(os.tmpdir(), 'parley-store-'))
    let count = 0
    return {
      newPlace: async () => ({ kind: 'sqlite', file: path.join(folder, `${++count}`, 'records.db') }),
      end: () => rm(folder, { recursive: true, force: true }),
    }
  },
})

const postgres = await temporaryPostgres()

storeContract('PostgreSQL', {
  ...(typeof postgres === 'string' ? { skip: postgres } : {}),
  async create() {
    if (typeof postgres === 'string') throw new Error(postgres)
    return {
      newPlace: async () => ({ kind: 'postgres', url: await postgres.newDatabase() }),
      end: () => postgres.end(),
    }
  },
})
