// Runs test files, each in a process of its own, and tells what became of them as plain values: they may come from another process.
import path from 'node:path'
import { run } from 'node:test'
import { ROOT } from '../context.ts'

export type TestNote =
  | { readonly is: 'passed' }
  | { readonly is: 'skipped'; readonly name: string; readonly why: string }
  /** `text`: where, what, and the end of what the file wrote on standard error. */
  | { readonly is: 'failed'; readonly text: string }
  /** A file is through. */
  | { readonly is: 'file'; readonly file: string; readonly ms: number }

interface TestEvent {
  readonly name: string
  readonly file?: string
  readonly skip?: string | boolean
  readonly details: { readonly type?: string; readonly error?: Error & { readonly cause?: unknown } }
}

const MAX_STDERR_CHARS = 4_000

function describeFailure(event: TestEvent): string {
  const cause = event.details.error?.cause
  const reason = cause instanceof Error ? (cause.stack ?? cause.message) : String(cause ?? event.details.error?.message)
  const file = event.file ? path.relative(ROOT, event.file) : ''
  return `FAILED ${file}: ${event.name}\n${reason.replace(/^/gm, '       ')}\n`
}

/** A file that only wraps its own tests is not a test; one that crashed before its first test is a failure. */
const isWrapper = (event: TestEvent): boolean => event.details.type === 'suite'

/** `files` are relative to the project; each may take `timeoutMs`. Resolves when all are through. */
export async function runFiles(
  files: readonly string[],
  concurrency: number,
  timeoutMs: number,
  onNote: (note: TestNote) => void,
): Promise<void> {
  if (files.length === 0) return
  const stream = run({ files: files.map((file) => path.join(ROOT, file)), concurrency, timeout: timeoutMs, cwd: ROOT })
  const stderrOf = new Map<string, string>()
  stream.on('test:stderr', (data: { file: string; message: string }) => {
    stderrOf.set(data.file, `${stderrOf.get(data.file) ?? ''}${data.message}`.slice(-MAX_STDERR_CHARS))
  })
  stream.on('test:pass', (data) => {
    const event = data as unknown as TestEvent
    if (isWrapper(event)) return
    if (!event.skip) onNote({ is: 'passed' })
    else onNote({ is: 'skipped', name: event.name, why: event.skip === true ? 'no reason given' : event.skip })
  })
  stream.on('test:fail', (data) => {
    const event = data as unknown as TestEvent
    if (isWrapper(event)) return
    const file = event.file ?? event.name
    onNote({ is: 'failed', text: describeFailure(event) + (stderrOf.get(file) ?? '').replace(/^/gm, '     ! ') })
  })
  stream.on('test:summary', ({ file, duration_ms }: { file?: string | undefined; duration_ms: number }) => {
    if (file !== undefined) onNote({ is: 'file', file: path.relative(ROOT, file), ms: duration_ms })
  })
  for await (const _ of stream) {
    // The listeners above do the work; draining the stream is what makes the run go on to its end.
  }
}
