// How `parley say` ends: the closed list of its exit codes, and which failure has which.
import type { ParleyClientError } from '@parley/client'
import { CliError } from '../exit-codes.ts'

export const SAY_EXIT = {
  /** All of it was said. */
  ok: 0,
  /** Not all of it was said, or what was said could not be kept or played. */
  failed: 1,
  /** A flag, the text or the configuration is wrong; there is no player. */
  usage: 2,
  /** No platform could be reached. */
  unreachable: 3,
  /** The platform refused: key, voice, language, no free place. */
  refused: 4,
  /** The connection or the session ended midway. */
  lost: 5,
  /** Ctrl-C. */
  interrupted: 130,
  /** Whoever read the output went away (what SIGPIPE would have been). */
  outputClosed: 141,
} as const

export type SayExit = (typeof SAY_EXIT)[keyof typeof SAY_EXIT]

/** A mistake of the one who typed; ends the command before anything is sent. */
export class SayUsageError extends CliError {
  constructor(message: string) {
    super(message, SAY_EXIT.usage)
  }
}

/** What was said cannot be written or played any further. */
export class SinkError extends CliError {
  constructor(message: string, exitCode: SayExit = SAY_EXIT.failed) {
    super(message, exitCode)
  }
}

/** Exit code of a speech that failed. */
export function exitOfSpeech(error: ParleyClientError): SayExit {
  switch (error.code) {
    case 'VOICE_UNKNOWN':
    case 'LANGUAGE_UNSUPPORTED':
    case 'NO_SLOT':
    case 'SPEECH_UNAVAILABLE':
    case 'SPEAK_BUSY':
      return SAY_EXIT.refused
    case 'TEXT_INVALID':
    case 'INVALID_FIELD':
      return SAY_EXIT.usage
    case 'CONNECTION_LOST':
    case 'SESSION_CLOSED':
    case 'SESSION_REPLACED':
    case 'DRAINING':
      return SAY_EXIT.lost
    default:
      return SAY_EXIT.failed
  }
}
