// Runs the command line in this process, in a folder of the test's own, with what it writes kept.
import { PassThrough } from 'node:stream'
import { systemClock } from '@parley/kernel'
import type { CliContext } from '../../context.ts'
import { Output } from '../../output/index.ts'
import { runCli } from '../../program.ts'

export interface PlanRun {
  readonly code: number
  readonly out: string
  readonly err: string
}

export function contextIn(cwd: string): { context: CliContext; out: () => string; err: () => string } {
  const [stdout, stderr] = [new PassThrough(), new PassThrough()]
  const context: CliContext = {
    env: {},
    cwd,
    homeDir: cwd,
    clock: systemClock,
    output: new Output({ stdout, stderr }, {}),
  }
  const text = (stream: PassThrough) => String(stream.read() ?? '')
  return { context, out: () => text(stdout), err: () => text(stderr) }
}

export async function runInFolder(cwd: string, args: readonly string[]): Promise<PlanRun> {
  const { context, out, err } = contextIn(cwd)
  const code = await runCli(args, context)
  // A command that ends with 1 or 2 must not end the test so.
  process.exitCode = undefined
  return { code, out: out(), err: err() }
}
