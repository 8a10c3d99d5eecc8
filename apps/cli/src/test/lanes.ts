// Two lanes side by side. Tests of whole systems pace real speech and wait more than they work, but what they wait for must not be late: one
// file at a time. The others fill what is left of the processors, and give way.
import { ROOT } from '../context.ts'
import type { TestNote } from './note.ts'
import { runFiles } from './run-files.ts'
import { SecondLook } from './second-look.ts'

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
  /** Whether what failed is run once more by itself. */
  readonly looksAgain: boolean
}

export async function runLanes(
  { before, quick, concurrency, system, timeoutMs, looksAgain }: Lanes,
  onNote: (note: TestNote) => void,
  signal: AbortSignal,
): Promise<void> {
  const niceness = system.length > 0 ? NICENESS : 0
  const alone = { concurrency: 1, timeoutMs, niceness: 0, root: ROOT }
  const secondLook = new SecondLook(onNote)
  const take = looksAgain ? secondLook.take : onNote
  const runSystem = () => runFiles({ ...alone, files: system }, take, signal)
  const runQuick = async (): Promise<void> => {
    await before()
    await runFiles({ files: quick, concurrency, timeoutMs, niceness, root: ROOT }, take, signal)
  }
  await Promise.all([runSystem(), runQuick()])
  await secondLook.lookAgain((files, onAgain) => runFiles({ ...alone, files }, onAgain, signal))
}
