// Two lanes side by side. Tests of whole systems pace real speech and wait more than they work, but what they wait for must not be late: one
// file at a time. The others fill what is left of the processors, and give way.
import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { runFiles, type TestNote } from './run-files.ts'

const LANE = fileURLToPath(new URL('./lane.ts', import.meta.url))
/** A share of about a quarter beside a busy process that does not give way. */
const NICENESS = '5'

export interface Lanes {
  readonly quick: readonly string[]
  /** Of the quick ones at a time. */
  readonly concurrency: number
  readonly system: readonly string[]
  /** Of one file. */
  readonly timeoutMs: number
}

export async function runLanes(
  { quick, concurrency, system, timeoutMs }: Lanes,
  onNote: (note: TestNote) => void,
): Promise<void> {
  const isAlone = system.length === 0 || quick.length === 0
  await Promise.all([
    isAlone ? runFiles(quick, concurrency, timeoutMs, onNote) : giveWay(quick, concurrency, timeoutMs, onNote),
    runFiles(system, 1, timeoutMs, onNote),
  ])
}

async function giveWay(
  files: readonly string[],
  concurrency: number,
  timeoutMs: number,
  onNote: (note: TestNote) => void,
): Promise<void> {
  const lane = spawn('nice', ['-n', NICENESS, process.execPath, LANE], { stdio: ['pipe', 'pipe', 'inherit'] })
  const ended = new Promise<string | undefined>((resolve) => {
    lane.once('error', (error) => resolve(error.message))
    lane.once('close', (code, signal) => resolve(code === 0 ? undefined : `it ended with ${code ?? signal}`))
  })
  lane.stdin.on('error', () => {})
  lane.stdin.end(JSON.stringify({ files, concurrency, timeoutMs }))
  const lines = createInterface({ input: lane.stdout })
  lines.on('line', (line) => onNote(JSON.parse(line) as TestNote))
  const problem = await ended
  if (problem !== undefined) onNote({ is: 'failed', text: `FAILED the lane of quick tests: ${problem}\n` })
}
