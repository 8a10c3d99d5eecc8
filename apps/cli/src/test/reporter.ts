// Reporter of a test file's process: one JSON line for each test, and what the file has cost at the end. Given to node by run-files.ts.
import { readFileSync } from 'node:fs'
import type { ReportedLine } from './note.ts'

interface TestEvent {
  readonly type: string
  readonly data: {
    readonly name: string
    readonly skip?: string | boolean
    readonly details?: { readonly type?: string; readonly error?: Error & { readonly cause?: unknown } }
  }
}

/** Of Linux: clock ticks a second in /proc, on every architecture Node is built for. */
const TICKS_PER_SECOND = 100

/** Of this process and its ended children, ms; 0 where there is no /proc. Fields 14 to 17 of proc(5) stat; the name in field 2 may hold blanks. */
function cpuMs(): number {
  try {
    const stat = readFileSync('/proc/self/stat', 'utf8')
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    return fields.slice(11, 15).reduce((sum, ticks) => sum + (Number(ticks) * 1000) / TICKS_PER_SECOND, 0)
  } catch {
    return 0
  }
}

function reasonOf(error: (Error & { readonly cause?: unknown }) | undefined): string {
  const cause = error?.cause
  return cause instanceof Error ? (cause.stack ?? cause.message) : String(cause ?? error?.message)
}

function lineOf({ type, data }: TestEvent): ReportedLine | undefined {
  const { name, skip, details } = data
  if (type === 'test:dequeue') return { is: 'begun', name }
  if (type === 'test:complete') return { is: 'done', name }
  if (type === 'test:summary') return { is: 'cpu', cpuMs: cpuMs() }
  // What only wraps tests is none.
  if (details?.type === 'suite') return undefined
  if (type === 'test:pass' && !skip) return { is: 'passed', name }
  if (type === 'test:pass') return { is: 'skipped', name, why: skip === true ? 'no reason given' : String(skip) }
  if (type === 'test:fail') return { is: 'failed', name, reason: reasonOf(details?.error) }
  return undefined
}

export default async function* report(source: AsyncIterable<TestEvent>): AsyncGenerator<string> {
  for await (const event of source) {
    const line = lineOf(event)
    if (line) yield `${JSON.stringify(line)}\n`
  }
}
