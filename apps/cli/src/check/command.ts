// `parley check`: the one gate. Types, lint and format, layers and cycles, documents that match the code, rules that tests
// quote. Everything runs even when something failed, so that one run tells all there is to mend.
import { execFile } from 'node:child_process'
import { glob } from 'node:fs/promises'
import { setPriority } from 'node:os'
import path from 'node:path'
import { systemClock } from '@parley/kernel'
import { Command } from 'commander'
import { ROOT } from '../context.ts'
import { staleDocs } from './docs.ts'
import { parityFindings } from './parity.ts'
import { compareRules, readAll } from './spec-rules.ts'

export interface StepResult {
  readonly name: string
  readonly ok: boolean
  /** What was found, and how to mend it; empty when ok. */
  readonly report: string
  readonly durationMs: number
}

/** Niceness of the tools. */
const GIVE_WAY = 5

/** Runs a script of node_modules under the pinned Node, whatever `node` the PATH has. Resolves with what it found. */
function run(script: string, args: readonly string[]): Promise<string | undefined> {
  return new Promise((resolve) => {
    const { pid } = execFile(
      process.execPath,
      [path.join(ROOT, 'node_modules', script), ...args],
      { cwd: ROOT, maxBuffer: 16 << 20, timeout: 300_000 },
      (error, stdout, stderr) => resolve(error ? `${stdout}${stderr}`.trim() || error.message : undefined),
    )
    // It may run beside tests of speech at true pace, which must not be late.
    if (pid !== undefined) setPriority(pid, GIVE_WAY)
  })
}

async function files(patterns: readonly string[]): Promise<string[]> {
  const found: string[] = []
  for (const pattern of patterns) {
    for await (const file of glob(pattern, { cwd: ROOT, exclude: (name) => /node_modules|dist/.test(String(name)) })) {
      found.push(path.join(ROOT, file))
    }
  }
  return found.sort()
}

async function specFindings(): Promise<string | undefined> {
  const specs = await readAll(
    await files(['packages/*/SPEC.md', 'packages/*/src/**/SPEC.md', 'apps/*/SPEC.md', 'apps/*/src/**/SPEC.md']),
  )
  const tests = await readAll(await files(['packages/**/*.ts', 'apps/**/*.ts', 'tests/**/*.ts', 'benchmarks/**/*.ts']))
  const findings = compareRules(specs, tests)
  if (findings.length === 0) return undefined
  return findings
    .map((finding) => `${finding.rule}: ${finding.problem} (${path.relative(ROOT, finding.where)})`)
    .join('\n')
}

/** The compiler that is a program of its own: a third of the CPU. One checker, because each further one works out again what the first knows. */
function typeFindings(project: string): Promise<string | undefined> {
  return run('typescript-native/bin/tsc', ['-p', project, '--checkers', '1'])
}

const STEPS: Readonly<Record<string, (write: boolean) => Promise<string | undefined>>> = {
  types: async () => (await typeFindings('.')) ?? (await typeFindings('apps/dashboard')),
  'lint and format': (write) => run('.bin/biome', ['check', ...(write ? ['--write'] : ['--error-on-warnings']), '.']),
  'layers and cycles': () =>
    run('.bin/depcruise', ['--config', '.dependency-cruiser.cjs', 'packages', 'apps', 'benchmarks', 'tests']),
  'documents match the code': async (write) => {
    const stale = await staleDocs(ROOT, write)
    return stale.length === 0 ? undefined : `out of date: ${stale.join(', ')}; run ./parley check --write`
  },
  'everything documented exists and is used': async () => {
    const findings = await parityFindings(ROOT)
    return findings.length === 0 ? undefined : findings.join('\n')
  },
  'rules and tests quote each other': specFindings,
}

/** Runs every step in turn; `onStep` hears of each as it ends. */
export async function runChecks(write: boolean, onStep: (result: StepResult) => void): Promise<StepResult[]> {
  const results: StepResult[] = []
  for (const [name, step] of Object.entries(STEPS)) {
    const startMs = systemClock.nowMs()
    const report = await step(write).catch((error: unknown) => String(error))
    const result = { name, ok: report === undefined, report: report ?? '', durationMs: systemClock.nowMs() - startMs }
    results.push(result)
    onStep(result)
  }
  return results
}

export function printStep(result: StepResult): void {
  const seconds = (result.durationMs / 1000).toFixed(1)
  process.stdout.write(`${result.ok ? 'ok    ' : 'FAILED'} ${result.name} (${seconds} s)\n`)
  if (!result.ok) process.stdout.write(`${result.report.replace(/^/gm, '       ')}\n`)
}

export function createCheckCommand(): Command {
  return new Command('check')
    .description('Types, lint, layers, cycles and documents: the gate that ./parley test includes.')
    .option('--write', 'format, and bring generated documents up to date', false)
    .option('--json', 'one JSON object with every step', false)
    .action(async (options: { write: boolean; json: boolean }) => {
      const results = await runChecks(options.write, options.json ? () => {} : printStep)
      if (options.json)
        process.stdout.write(`${JSON.stringify({ ok: results.every((result) => result.ok), steps: results })}\n`)
      process.exitCode = results.every((result) => result.ok) ? 0 : 1
    })
}
