// How `parley caption` ends: the closed list of its exit codes, and which failure has which.
import type { ParleyClientError } from '@parley/client'
import { CliError } from '../exit-codes.ts'

export const CAPTION_EXIT = {
  /** Everything sent was answered. */
  ok: 0,
  /** Something sent was not answered: an utterance without its final, audio dropped, no answer to the end. */
  unanswered: 1,
  /** A flag, the file or the configuration is wrong. */
  usage: 2,
  /** No platform could be reached. */
  unreachable: 3,
  /** The platform refused: key, language, no free place. */
  refused: 4,
  /** The connection or the session ended midway. */
  lost: 5,
  /** Ctrl-C. */
  interrupted: 130,
  /** Whoever read the output went away (what SIGPIPE would have been). */
  outputClosed: 141,
} as const

export type CaptionExit = (typeof CAPTION_EXIT)[keyof typeof CAPTION_EXIT]

/** A mistake of the one who typed; ends the command before anything is sent. */
export class CaptionUsageError extends CliError {
  constructor(message: string) {
    super(message, CAPTION_EXIT.usage)
  }
}

/** Exit code of a failure before the first caption: nothing reached, or refused. */
export function exitOfStart(error: ParleyClientError): CaptionExit {
  switch (error.code) {
    case 'CONNECT_FAILED':
    case 'DEADLINE_EXCEEDED':
    case 'BAD_ANSWER':
    case 'CONNECTION_LOST':
      return CAPTION_EXIT.unreachable
    case 'INVALID_FIELD':
      // Without a request id it was found on this side: an address that is none.
      return error.requestId === undefined ? CAPTION_EXIT.usage : CAPTION_EXIT.refused
    default:
      return CAPTION_EXIT.refused
  }
}
