// `parley test`: the gate, then every test, ending with the line `N passed, N failed`.
// Tests that pace real speech or drive a browser run one file at a time; the gate and then the rest beside them (lanes.ts).
import { glob } from 'node:fs/promises'
import { assertNever, systemClock } from '@parley/kernel'
import { Command } from 'commander'
import { printStep, runChecks } from '../check/command.ts'
import { ROOT } from '../context.ts'
import { bundleOptions } from './bundles.ts'
import { runLanes } from './lanes.ts'
import type { TestNote } from './note.ts'

interface Cost {
  readonly ms: number
  readonly cpuMs: number
}

interface Tally {
  passed: number
  failed: number
  skipped: number
  readonly failures: string[]
  /** Failed beside others, passed alone. */
  readonly unsteady: string[]
  /** What each file took: where the minutes go. */
  readonly files: Map<string, Cost>
}

const PATTERNS = [
  'packages/*/src/**/*.test.ts',
  'apps/*/src/**/*.test.ts',
  'tests/**/*.test.ts',
  'benchmarks/**/*.test.ts',
]
/** Whole-system files: real processes, speech at true pace, browsers (which take themselves a higher priority). */
const SYSTEM = /\.system\.test\.ts$|\/e2e\/|^tests\//
/** Soaks and storms, only with --full. */
const FULL = /\.full\.test\.ts$/
const FILE_TIMEOUT_MS = 600_000
const FULL_FILE_TIMEOUT_MS = 1_800_000

async function testFiles(filters: readonly string[], full: boolean): Promise<string[]> {
  const found = new Set<string>()
  for (const pattern of PATTERNS) {
    for await (const file of glob(pattern, { cwd: ROOT, exclude: (name) => /node_modules|dist/.test(String(name)) }))
      found.add(file)
  }
  return [...found]
    .filter((file) => full || !FULL.test(file))
    .filter((file) => filters.length === 0 || filters.some((filter) => file.includes(filter)))
    .sort()
}

function take(tally: Tally, note: TestNote): void {
  const say = (text: string): void => void process.stdout.write(`${text}\n`)
  switch (note.is) {
    case 'file':
      tally.files.set(note.file, note)
      break
    case 'passed':
      tally.passed++
      break
    case 'skipped':
      tally.skipped++
      say(`skipped ${note.name}: ${note.why}`)
      break
    case 'put-off':
      say(`${note.text}run once more when all others are through, unless many have failed: ${note.file}`)
      break
    case 'unsteady':
      tally.unsteady.push(note.text)
      say(`passed by itself: ${note.file}`)
      break
    case 'failed':
      tally.failed++
      tally.failures.push(note.text)
      say(note.text)
      break
    default:
      assertNever(note)
  }
  progress(tally)
}

function progress(tally: Tally): void {
  if (!process.stdout.isTTY) return
  process.stdout.write(`\r\x1b[2K${tally.passed} passed, ${tally.failed} failed`)
}

async function testAction(
  filters: string[],
  options: { full: boolean; check: boolean; again: boolean; concurrency: string; slowest: string },
): Promise<void> {
  const startMs = systemClock.nowMs()
  const tally: Tally = { passed: 0, failed: 0, skipped: 0, failures: [], unsteady: [], files: new Map() }
  const files = await testFiles(filters, options.full)
  if (files.length === 0) {
    process.stderr.write(`no test file matches ${filters.join(' ')}\n`)
    process.exitCode = 2
    return
  }
  const quick = files.filter((file) => !SYSTEM.test(file))
  const system = files.filter((file) => SYSTEM.test(file))
  const timeout = options.full ? FULL_FILE_TIMEOUT_MS : FILE_TIMEOUT_MS
  const before = async (): Promise<void> => {
    if (!options.check || filters.length > 0) return
    for (const result of await runChecks(false, printStep)) tally[result.ok ? 'passed' : 'failed']++
  }
  const nodeOptions = await bundled()
  const looksAgain = options.again && filters.length === 0
  const concurrency = Number(options.concurrency)
  const lanes = { before, quick, concurrency, system, timeoutMs: timeout, nodeOptions, looksAgain }
  const interrupted = await untilInterrupted((signal) => runLanes(lanes, (note) => take(tally, note), signal))
  if (process.stdout.isTTY) process.stdout.write('\r\x1b[2K')
  if (tally.failures.length > 0) process.stdout.write(`\n--- all failures again ---\n${tally.failures.join('\n')}\n`)
  if (tally.unsteady.length > 0)
    process.stdout.write(`\n--- failed beside others, passed by themselves ---\n${tally.unsteady.join('\n')}\n`)
  process.stdout.write(slowestFiles(tally.files, Number(options.slowest)))
  process.stdout.write(`\n${files.length} files in ${((systemClock.nowMs() - startMs) / 1000).toFixed(0)} s\n`)
  const skipped = tally.skipped > 0 ? `, ${tally.skipped} skipped` : ''
  process.stdout.write(`${tally.passed} passed, ${tally.failed} failed${skipped}\n`)
  process.exitCode = interrupted ?? (tally.failed === 0 && tally.passed > 0 ? 0 : 1)
}

/** NODE_OPTIONS with which files start faster; '' when that cannot be. */
async function bundled(): Promise<string> {
  try {
    return await bundleOptions(ROOT)
  } catch (error) {
    process.stderr.write(`without bundles of packages, which only makes it slower: ${String(error)}\n`)
    return ''
  }
}

/** The exit code of a run that was interrupted: test files are in process groups of their own and hear nothing of Ctrl-C. */
async function untilInterrupted(run: (signal: AbortSignal) => Promise<void>): Promise<number | undefined> {
  const abort = new AbortController()
  let exitCode: number | undefined
  const stop = (signal: NodeJS.Signals): void => {
    exitCode = signal === 'SIGINT' ? 130 : 143
    abort.abort()
  }
  process.once('SIGINT', stop).once('SIGTERM', stop)
  await run(abort.signal)
  process.off('SIGINT', stop).off('SIGTERM', stop)
  return exitCode
}

const WORTH_SAYING_MS = 2_000

function slowestFiles(files: ReadonlyMap<string, Cost>, shown: number): string {
  const slowest = [...files].filter(([, { ms }]) => ms >= WORTH_SAYING_MS).sort(([, a], [, b]) => b.ms - a.ms)
  if (slowest.length === 0 || shown === 0) return ''
  const seconds = (ms: number): string => (ms / 1000).toFixed(0).padStart(5)
  const lines = slowest.slice(0, shown).map(([file, { ms, cpuMs }]) => `${seconds(ms)} ${seconds(cpuMs)}  ${file}`)
  const totalCpuMs = [...files.values()].reduce((sum, { cpuMs }) => sum + cpuMs, 0)
  return `\nslowest files: seconds, seconds of CPU (${(totalCpuMs / 1000).toFixed(0)} in all)\n${lines.join('\n')}\n`
}

export function createTestCommand(): Command {
  return new Command('test')
    .description('The gate, then every test; ends with the line "N passed, N failed".')
    .argument('[filters...]', 'only files whose path contains one of these (skips the gate)')
    .option('--full', 'also the soaks and storms (under an hour)', false)
    .option('--no-check', 'without the gate')
    .option('--no-again', 'what failed is not run once more by itself (nor is it when filters are given)')
    .option('--concurrency <files>', 'quick test files run at a time', '2')
    .option('--slowest <files>', 'the slowest files named at the end', '10')
    .action(testAction)
}
