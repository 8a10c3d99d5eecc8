// How the command line ends: the closed list of exit codes, and the error that carries one.

export const EXIT = {
  ok: 0,
  /** The work was done and its outcome is a failure: a check is red, not everything was answered. */
  failed: 1,
  /** A flag, argument or configuration is wrong. */
  usage: 2,
  /** The port is taken. */
  port: 3,
  /** The operating system forbids it. */
  permission: 4,
  /** A package, engine or running platform that the command needs is not there. */
  missing: 5,
  /** Ended by Ctrl-C. */
  interrupted: 130,
} as const

export type ExitCode = (typeof EXIT)[keyof typeof EXIT]

/** An expected end of a command: one line for a person (it may hold further lines), and the exit code of its kind. */
export class CliError extends Error {
  readonly exitCode: number

  constructor(message: string, exitCode: number = EXIT.failed) {
    super(message)
    this.name = 'CliError'
    this.exitCode = exitCode
  }
}
