// What a command that streams for a while is given of its process: streams, clock and Ctrl-C, as values that tests replace.
import type { Readable, Writable } from 'node:stream'
import type { Clock } from '@parley/kernel'
import type { CliContext } from './context.ts'

export type TextOut = Writable & { readonly isTTY?: boolean; readonly columns?: number; readonly rows?: number }

export interface TerminalIo {
  readonly stdin: Readable & { readonly isTTY?: boolean }
  readonly stdout: TextOut
  readonly stderr: TextOut
  readonly env: NodeJS.ProcessEnv
  readonly cwd: string
  readonly homeDir: string
  readonly clock: Clock
  /** Calls `fn` at each Ctrl-C until the returned function is called. */
  onInterrupt(fn: () => void): () => void
}

/** Of this process; SIGTERM interrupts as Ctrl-C does. */
export function processIo({ env, cwd, homeDir, clock }: CliContext): TerminalIo {
  return {
    stdin: process.stdin,
    stdout: process.stdout,
    stderr: process.stderr,
    env,
    cwd,
    homeDir,
    clock,
    onInterrupt(fn) {
      process.on('SIGINT', fn)
      process.on('SIGTERM', fn)
      return () => {
        process.off('SIGINT', fn)
        process.off('SIGTERM', fn)
      }
    },
  }
}
