// pino behind the Logger port: JSON lines to a file or standard error. Rotation is left to the system (copytruncate).
import { mkdirSync, openSync } from 'node:fs'
import { dirname } from 'node:path'
import pino from 'pino'
import type { Logger } from './logger-port.ts'
import { maskSecrets, redact } from './redaction.ts'

export type LogLevel = 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'fatal' | 'silent'

export interface LoggerOptions {
  readonly level: LogLevel
  /** Path of the log file (created with mode 600, its folder with 700); empty = standard error. */
  readonly file: string
  /** On every line: which member this is. */
  readonly fields?: Readonly<Record<string, string | number>>
}

export interface ProcessLogger extends Logger {
  /** Writes out what is buffered, synchronously; the last call before a process exits. Never throws. */
  flush(): void
  /** Lines dropped because more than 4 MiB waited to be written. */
  readonly dropped: number
}

const STANDARD_ERROR = 2
/** Beyond it lines are dropped and counted: a full disk must not fill the memory. */
const MAX_BUFFERED_BYTES = 4 * 1024 * 1024

/** Throws the system's error (ENOENT, EACCES ...) when the file cannot be opened. */
export function createLogger(options: LoggerOptions): ProcessLogger {
  const destination = pino.destination({
    fd: options.file === '' ? STANDARD_ERROR : openLogFile(options.file),
    // A file takes a line at once: written behind the back of the loop, the last lines before an exit could be under way and lost,
    // whatever `flush` did. Standard error may be a pipe whose reader sleeps, and that must not hold the loop up.
    sync: options.file !== '',
    maxLength: MAX_BUFFERED_BYTES,
  })
  let dropped = 0
  destination.on('drop', () => dropped++)
  // A reader of standard error that went away, or a full disk, must not end the process; the lines are lost.
  destination.on('error', () => dropped++)
  const root = pino(
    {
      level: options.level,
      base: options.fields ? redact(options.fields) : null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
    },
    destination,
  )
  return {
    ...port(root),
    flush() {
      try {
        destination.flushSync()
      } catch {
        dropped++
      }
    },
    get dropped() {
      return dropped
    },
  }
}

/** Redacts what goes in; skips that work for lines below the level. */
function port(logger: pino.Logger): Logger {
  const at = (level: 'debug' | 'info' | 'warn' | 'error') => (fields: object, message: string) => {
    if (logger.isLevelEnabled(level)) logger[level](redact(fields), maskSecrets(message))
  }
  return {
    debug: at('debug'),
    info: at('info'),
    warn: at('warn'),
    error: at('error'),
    child: (fields) => port(logger.child(redact(fields))),
  }
}

function openLogFile(path: string): number {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 })
  return openSync(path, 'a', 0o600)
}
