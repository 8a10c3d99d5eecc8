// How the process ends, by kind; a supervisor and a shell tell them apart. And the failure that carries one.

export const EXIT_CODES = {
  ok: 0,
  /** Bad usage or configuration: the same command fails again until something is changed. */
  usage: 2,
  portInUse: 3,
  noPermission: 4,
  /** Something that must be installed or built is not there. */
  missingPart: 5,
  /** A bug, or a state nobody foresaw; it has been logged. A supervisor starts the process again. */
  internal: 70,
  /** Ended by a second signal, without waiting for anything. */
  interrupted: 130,
} as const
export type ExitKind = keyof typeof EXIT_CODES

/** The process cannot start; `message` is one line for a person and names what to change. */
export class StartFailure extends Error {
  readonly kind: ExitKind
  /** Stable name for programs, such as PORT_IN_USE. */
  readonly code: string

  constructor(kind: ExitKind, code: string, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause })
    this.name = 'StartFailure'
    this.kind = kind
    this.code = code
  }

  get exitCode(): number {
    return EXIT_CODES[this.kind]
  }
}

/** What a thrown value means for the start: a StartFailure as it is, anything else as an internal failure. */
export function asStartFailure(error: unknown): StartFailure {
  if (error instanceof StartFailure) return error
  const message = error instanceof Error ? error.message : String(error)
  return new StartFailure('internal', 'INTERNAL', `the pod cannot start: ${message}`, error)
}
