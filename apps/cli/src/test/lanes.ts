// Two lanes side by side. Tests of whole systems pace real speech and wait more than they work, but what they wait for must not be late: one
// file at a time. The others fill what is left of the processors, and give way.
import { ROOT } from '../context.ts'
import type { TestNote } from './note.ts'
import { runFiles } from './run-files.ts'

/** A share of about a quarter beside a busy process that does not give way. */
const NICENESS = 5

export interface Lanes {
  /** Done beside the system files, before the quick ones. */
  readonly before: () => Promise<void>
  readonly quick: readonly string[]
  /** Of the quick ones at a time. */
  readonly concurrency: number
  readonly system: readonly string[]
  /** Of one file. */
  readonly timeoutMs: number
  /** For NODE_OPTIONS of all files. */
  readonly nodeOptions: string
}

export async function runLanes(
  { before, quick, concurrency, system, timeoutMs, nodeOptions }: Lanes,
  onNote: (note: TestNote) => void,
  signal: AbortSignal,
): Promise<void> {
  const common = { timeoutMs, nodeOptions, root: ROOT }
  const niceness = system.length > 0 ? NICENESS : 0
  const runSystem = () =>
    runFiles({ files: system, concurrency: 1, niceness: 0, ...common }, onNote, signal)
  const runQuick = async (): Promise<void> => {
    await before()
    await runFiles({ files: quick, concurrency, niceness, ...common }, onNote, signal)
  }
  await Promise.all([runSystem(), runQuick()])
}
