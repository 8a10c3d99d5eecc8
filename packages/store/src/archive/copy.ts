// Rows of the database into files of a folder, table by table, oldest first.
import type { Queries } from '../database.ts'
import { type PageRequest, readPage } from '../pages.ts'
import { type StoredRecord, TABLE_NAMES, type TableName } from '../records.ts'
import { type RecordFile, RecordFileWriter, ROWS_PER_FILE } from './record-files.ts'

/** How far long work is; `doneRows` rises to `totalRows` where that is known. */
export interface RowProgress {
  readonly step: 'copying' | 'checking' | 'deleting' | 'writing' | 'rewriting'
  readonly doneRows: number
  readonly totalRows: number
}
export type OnProgress = (progress: RowProgress) => void

export interface CopyRequest {
  readonly queries: Queries
  readonly folder: string
  readonly olderThanMs?: number
  readonly tenant?: string
  readonly totalRows: number
  readonly onProgress?: OnProgress
  /** Rows of one file; ROWS_PER_FILE unless told. */
  readonly rowsPerFile?: number
}

const PAGE_ROWS = 2_000

export async function copyRows(request: CopyRequest): Promise<RecordFile[]> {
  const files: RecordFile[] = []
  let doneRows = 0
  for (const table of TABLE_NAMES) {
    for await (const file of copyTable(table, request, (rows) => {
      doneRows += rows
      request.onProgress?.({ step: 'copying', doneRows, totalRows: request.totalRows })
    })) {
      files.push(file)
    }
  }
  return files
}

async function* copyTable(
  table: TableName,
  request: CopyRequest,
  onRows: (rows: number) => void,
): AsyncGenerator<RecordFile> {
  const { queries, folder, olderThanMs, tenant } = request
  let [writer, after]: [RecordFileWriter | undefined, StoredRecord | undefined] = [undefined, undefined]
  let count = 0
  try {
    for (;;) {
      const page: PageRequest = {
        limit: PAGE_ROWS,
        ...(olderThanMs === undefined ? {} : { olderThanMs }),
        ...(tenant === undefined ? {} : { tenant }),
        ...(after === undefined ? {} : { after }),
      }
      const rows = await readPage(queries, table, page)
      after = rows.at(-1)
      if (after === undefined) break
      writer ??= await RecordFileWriter.create(folder, `${table}-${String(++count).padStart(4, '0')}.ndjson.gz`, table)
      await writer.write(rows)
      onRows(rows.length)
      if (writer.rows < (request.rowsPerFile ?? ROWS_PER_FILE)) continue
      const full = writer
      writer = undefined
      yield await full.finish()
    }
    const last = writer
    writer = undefined
    if (last) yield await last.finish()
  } finally {
    await writer?.abandon(folder)
  }
}
