// Colour as a value: the same words with it and without it.

export interface Style {
  bold(text: string): string
  dim(text: string): string
  red(text: string): string
  green(text: string): string
  yellow(text: string): string
  cyan(text: string): string
}

const paint = (on: boolean, open: number, close: number) => (text: string) =>
  on && text !== '' ? `\u001b[${open}m${text}\u001b[${close}m` : text

export function style(coloured: boolean): Style {
  return {
    bold: paint(coloured, 1, 22),
    dim: paint(coloured, 2, 22),
    red: paint(coloured, 31, 39),
    green: paint(coloured, 32, 39),
    yellow: paint(coloured, 33, 39),
    cyan: paint(coloured, 36, 39),
  }
}

/** Columns padded to their widest cell; the last one runs free. Cells may hold colour. */
export function table(rows: readonly (readonly string[])[], gap = 2): string[] {
  const widths: number[] = []
  for (const row of rows) {
    row.slice(0, -1).forEach((cell, column) => {
      widths[column] = Math.max(widths[column] ?? 0, visibleLength(cell))
    })
  }
  return rows.map((row) =>
    row
      .map((cell, column) =>
        column === row.length - 1 ? cell : cell + ' '.repeat((widths[column] ?? 0) - visibleLength(cell) + gap),
      )
      .join('')
      .trimEnd(),
  )
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: colour is made of control characters
const COLOUR = /\u001b\[\d+m/g

/** Characters a person sees, colour not counted. */
export const visibleLength = (text: string): number => text.replaceAll(COLOUR, '').length
