// Spills whose owner is gone for good (a pod that came back under another name): what they hold is written, and they go.
import { access, rm } from 'node:fs/promises'
import { type Clock, ok, type Result } from '@parley/kernel'
import type { RecordStore } from '../record-store.ts'
import type { StoreError } from '../store-error.ts'
import { Spill } from './spill.ts'

export interface Adopted {
  readonly files: number
  readonly records: number
}

const BATCH_ROWS = 500

/**
 * Writes the records of those of `files` that no process owns, and removes the files. Those of living owners are left alone.
 * When the database fails, what is not written yet stays where it is.
 */
export async function adoptSpills(
  store: RecordStore,
  files: readonly string[],
  clock: Clock,
): Promise<Result<Adopted, StoreError>> {
  const adopted = { files: 0, records: 0 }
  for (const file of files) {
    const isThere = await access(file).then(
      () => true,
      () => false,
    )
    if (!isThere) continue
    const spill = new Spill({ file, clock })
    try {
      const written = await drainOrphan(store, spill)
      if (!written.ok) return written
      if (written.value === undefined) continue
      adopted.records += written.value
      adopted.files++
    } finally {
      await spill.close()
    }
    for (const suffix of ['', '-wal', '-shm', '.owner.lock']) await rm(`${file}${suffix}`, { force: true })
  }
  return ok(adopted)
}

/** How many records were written; undefined when somebody owns the spill. */
async function drainOrphan(store: RecordStore, spill: Spill): Promise<Result<number | undefined, StoreError>> {
  const owned = await spill.own()
  if (!owned.ok) return owned
  if (!owned.value) return ok(undefined)
  const opened = await spill.open()
  if (!opened.ok) return opened
  let records = 0
  for (;;) {
    const page = await spill.read(BATCH_ROWS)
    if (!page.ok) return page
    if (page.value.throughId === 0) return ok(records)
    const written = await store.write(page.value.records.map(({ record }) => record))
    if (!written.ok) return written
    records += page.value.records.length
    const removed = await spill.remove(page.value.throughId)
    if (!removed.ok) return removed
  }
}
