// Runs test files, each in a process group of its own: a file that hangs, or leaves programs behind, is ended with all that it started, and the run
// goes on.
import { type ChildProcess, spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { systemClock } from '@parley/kernel'
import type { ReportedLine, TestNote } from './note.ts'

export interface FileRun {
  /** Relative to `root`. */
  readonly files: readonly string[]
  /** Files at a time. */
  readonly concurrency: number
  /** Of one file. */
  readonly timeoutMs: number
  /** How far they give way to others: 0 (not at all) to 19. */
  readonly niceness: number
  readonly root: string
}

interface Ended {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  readonly isLate: boolean
  readonly output: string
}

const REPORTER = fileURLToPath(new URL('./reporter.ts', import.meta.url))
const MAX_OUTPUT_CHARS = 4_000
/** From the request to end to the end by force. */
const GRACE_MS = 3_000
/** What a file has left behind may hold its output open: nobody waits longer for it. */
const OUTPUT_GRACE_MS = 500

/** Resolves when all are through. `signal` ends those under way, by force. */
export async function runFiles(run: FileRun, onNote: (note: TestNote) => void, signal: AbortSignal): Promise<void> {
  if (run.files.length === 0) return
  const folder = await mkdtemp(path.join(tmpdir(), 'parley-tests-'))
  const waiting = [...run.files.entries()]
  const work = async (): Promise<void> => {
    for (let next = waiting.shift(); next && !signal.aborted; next = waiting.shift()) {
      const [index, file] = next
      await runFile(run, file, path.join(folder, `${index}.jsonl`), onNote, signal)
    }
  }
  try {
    await Promise.all(Array.from({ length: run.concurrency }, work))
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

async function runFile(
  { root, niceness, timeoutMs }: FileRun,
  file: string,
  notes: string,
  onNote: (note: TestNote) => void,
  signal: AbortSignal,
): Promise<void> {
  const startMs = systemClock.nowMs()
  const node = [process.execPath, `--test-reporter=${REPORTER}`, `--test-reporter-destination=${notes}`, file]
  const [command = '', ...args] = niceness > 0 ? ['nice', '-n', String(niceness), ...node] : node
  // Another runner's mark would make the file report to that one.
  const { NODE_TEST_CONTEXT: _, ...env } = process.env
  const child = spawn(command, args, { cwd: root, env, detached: true, stdio: ['ignore', 'pipe', 'pipe'] })
  const ended = await endOf(child, timeoutMs, signal)
  if (signal.aborted) return
  let cpuMs = 0
  let failures = 0
  const open = new Set<string>()
  for (const line of reported(notes)) {
    if (line.is === 'begun') open.add(line.name)
    else if (line.is === 'done') open.delete(line.name)
    else if (line.is === 'cpu') cpuMs = line.cpuMs
    else if (line.is === 'skipped') onNote({ ...line, file })
    else if (line.is === 'passed') onNote({ is: 'passed', file })
    else if (line.is === 'failed') {
      failures++
      onNote({ is: 'failed', file, text: failureText(file, line.name, line.reason, ended.output) })
    }
  }
  const problem = problemOf(ended, failures, timeoutMs, open)
  if (problem) onNote({ is: 'failed', file, text: failureText(file, 'the file as a whole', problem, ended.output) })
  onNote({ is: 'file', file, ms: systemClock.nowMs() - startMs, cpuMs })
}

function problemOf(
  { code, signal, isLate }: Ended,
  failures: number,
  timeoutMs: number,
  open: ReadonlySet<string>,
): string | undefined {
  const during = open.size > 0 ? `; not through: ${[...open].join(', ')}` : ''
  if (isLate) return `it was ended after ${timeoutMs / 1000} s${during}`
  if (code === 0 || failures > 0) return undefined
  return `it ended with ${code ?? signal}${during}`
}

/** Also ends whatever the file has left behind in its process group. */
function endOf(child: ChildProcess, timeoutMs: number, signal: AbortSignal): Promise<Ended> {
  let output = ''
  let isLate = false
  const take = (data: Buffer): void => {
    output = `${output}${data}`.slice(-MAX_OUTPUT_CHARS)
  }
  child.stdout?.on('data', take)
  child.stderr?.on('data', take)
  const end = (how: NodeJS.Signals): void => endGroup(child, how)
  const force = (): void => end('SIGKILL')
  const late = setTimeout(() => {
    isLate = true
    end('SIGTERM')
    setTimeout(force, GRACE_MS).unref()
  }, timeoutMs)
  signal.addEventListener('abort', force)
  return new Promise((resolve) => {
    const through = (code: number | null, endSignal: NodeJS.Signals | null): void => {
      clearTimeout(late)
      signal.removeEventListener('abort', force)
      force()
      const answer = (): void => resolve({ code, signal: endSignal, isLate, output })
      const closed = setTimeout(answer, OUTPUT_GRACE_MS)
      child.once('close', () => {
        clearTimeout(closed)
        answer()
      })
    }
    child.once('exit', through)
    child.once('error', (error) => {
      output = error.message
      through(1, null)
    })
  })
}

function endGroup({ pid }: ChildProcess, how: NodeJS.Signals): void {
  try {
    if (pid !== undefined) process.kill(-pid, how)
  } catch {
    // Nothing of it is left.
  }
}

function reported(notes: string): readonly ReportedLine[] {
  try {
    const lines = readFileSync(notes, 'utf8').split('\n')
    // The last piece is empty, or a line that was cut off with its process.
    return lines.slice(0, -1).map((line) => JSON.parse(line) as ReportedLine)
  } catch {
    return []
  }
}

function failureText(file: string, name: string, reason: string, output: string): string {
  return `FAILED ${file}: ${name}\n${reason.replace(/^/gm, '       ')}\n${output.trimEnd().replace(/^/gm, '     ! ')}\n`
}
