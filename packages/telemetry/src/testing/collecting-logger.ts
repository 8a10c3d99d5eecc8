import type { Logger } from '../logger-port.ts'

export interface LogLine {
  readonly level: 'debug' | 'info' | 'warn' | 'error'
  readonly message: string
  readonly fields: Readonly<Record<string, unknown>>
}

/** Keeps every line, for tests that assert on what is (and what is never) logged. */
export function collectingLogger(lines: LogLine[] = [], bound: object = {}): Logger & { readonly lines: LogLine[] } {
  const add = (level: LogLine['level']) => (fields: object, message: string) => {
    lines.push({ level, message, fields: { ...bound, ...fields } })
  }
  return {
    lines,
    debug: add('debug'),
    info: add('info'),
    warn: add('warn'),
    error: add('error'),
    child: (fields) => collectingLogger(lines, { ...bound, ...fields }),
  }
}
