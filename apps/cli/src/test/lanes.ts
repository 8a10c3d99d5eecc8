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
}

export async function runLanes(
  { before, quick, concurrency, system, timeoutMs }: Lanes,
  onNote: (note: TestNote) => void,
  signal: AbortSignal,
): Promise<void> {
  const niceness = system.length > 0 ? NICENESS : 0
  const runSystem = () =>
    runFiles({ files: system, concurrency: 1, timeoutMs, niceness: 0, root: ROOT }, onNote, signal)
  const runQuick = async (): Promise<void> => {
    await before()
    await runFiles({ files: quick, concurrency, timeoutMs, niceness, root: ROOT }, onNote, signal)
  }
  await Promise.all([runSystem(), runQuick()])
}
