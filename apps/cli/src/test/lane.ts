// A lane of test files as a process of its own, so that it can be given way to others: files as JSON on standard input, one note per line on
// standard output. Started by lanes.ts.
import { text } from 'node:stream/consumers'
import { runFiles } from './run-files.ts'

interface Lane {
  readonly files: readonly string[]
  readonly concurrency: number
  readonly timeoutMs: number
}

const { files, concurrency, timeoutMs } = JSON.parse(await text(process.stdin)) as Lane
await runFiles(files, concurrency, timeoutMs, (note) => process.stdout.write(`${JSON.stringify(note)}\n`))
