// The terminal as `parley top` uses it: a screen of its own that is drawn over, keys, and the way it was before at the end.
import type { ReadStream, WriteStream } from 'node:tty'

export interface Screen {
  readonly columns: number
  /** Replaces what is shown; lines below the last row are left out. */
  draw(lines: readonly string[]): void
  /** Gives the terminal back. Idempotent. */
  close(): void
}

export interface ScreenStreams {
  readonly input: Pick<ReadStream, 'on' | 'off' | 'pause' | 'resume'> & {
    readonly isTTY?: boolean
    setRawMode?(isRaw: boolean): unknown
  }
  readonly output: Pick<WriteStream, 'write'> & { readonly columns?: number; readonly rows?: number }
}

const OTHER_SCREEN = '\u001b[?1049h\u001b[?25l'
const OWN_SCREEN = '\u001b[?25h\u001b[?1049l'
const HOME = '\u001b[H'
const CLEAR_LINE = '\u001b[K'
const CLEAR_BELOW = '\u001b[J'
/** Ctrl-C arrives as a key while the terminal hands keys over at once. */
const LEAVING_KEYS = new Set(['q', 'Q', '\u0003'])

/** `onLeave`: a person pressed q or Ctrl-C. */
export function openScreen({ input, output }: ScreenStreams, onLeave: () => void): Screen {
  const onData = (data: Buffer | string) => {
    if ([...String(data)].some((key) => LEAVING_KEYS.has(key))) onLeave()
  }
  const takesKeys = input.isTTY === true
  if (takesKeys) {
    input.setRawMode?.(true)
    input.on('data', onData)
    input.resume()
  }
  output.write(OTHER_SCREEN)
  let isOpen = true
  return {
    get columns() {
      return output.columns ?? 80
    },
    draw(lines) {
      if (!isOpen) return
      const shown = lines.slice(0, Math.max(1, (output.rows ?? 24) - 1))
      output.write(HOME + shown.map((line) => `${line}${CLEAR_LINE}\r\n`).join('') + CLEAR_BELOW)
    },
    close() {
      if (!isOpen) return
      isOpen = false
      output.write(OWN_SCREEN)
      if (!takesKeys) return
      input.setRawMode?.(false)
      input.off('data', onData)
      input.pause()
    },
  }
}
