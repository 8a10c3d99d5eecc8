// A report as lines of text for a terminal or a pipe: ASCII, of a given width where there is one.
import { type Block, type Inline, type Report, type Table, type Tone, textOf } from './report.ts'
import { layOut } from './terminal-table.ts'
import { clean, legend, painter, standingMark, type TerminalOptions, wrap } from './terminal-words.ts'
import type { WhyLine } from './why.ts'

/** Sentences longer than this tire the eye, however wide the window is. */
const MOST_SENTENCE_COLUMNS = 100

/** Blocks that want an empty line around them. */
const APART: ReadonlySet<Block['kind']> = new Set(['table', 'finding'])

export function terminalLines(report: Report, options: TerminalOptions): string[] {
  const { paint } = options
  const lines = [paint.bold(clean(report.title)), '']
  for (const { text, tone } of report.lead) lines.push(...sentence(text, tone, options))
  for (const section of report.sections) {
    lines.push('', paint.bold(paint.cyan(clean(section.title))))
    let previous: Block['kind'] | undefined
    for (const block of section.blocks) {
      const shown = blockLines(block, section.title, options)
      if (shown.length === 0) continue
      if (previous !== undefined && (APART.has(previous) || APART.has(block.kind))) lines.push('')
      lines.push(...shown)
      previous = block.kind
    }
  }
  return [...lines, '', ...sentence([legend()], 'soft', options)]
}

/** Lines of an explanation, each set in by its depth. */
export function whyTerminalLines(lines: readonly WhyLine[], options: TerminalOptions): string[] {
  return lines.flatMap(({ depth, text }) =>
    sentence(text, depth === 0 ? 'strong' : 'plain', options, '  '.repeat(depth)),
  )
}

function blockLines(block: Block, title: string, options: TerminalOptions): string[] {
  switch (block.kind) {
    case 'paragraph':
      return sentence(block.text, block.tone, options, '  ')
    case 'bullets':
      return block.items.flatMap(({ text, tone }) => sentence(text, tone, options, '  - ', '    '))
    case 'finding': {
      const head = sentence([`${block.mark}: `, ...block.head], block.tone, options, '  ', '    ')
      return [...head, ...block.lines.flatMap((text) => sentence(text, 'plain', options, '    '))]
    }
    case 'table':
      return block.isBehindChart ? [] : tableLines(block, title, options)
    case 'chart':
      return []
  }
}

function tableLines(table: Table, title: string, options: TerminalOptions): string[] {
  const caption = table.caption === title ? [] : wrap(clean(table.caption), Math.max(20, options.columns - 2))
  return [
    ...caption.map((line) => `  ${options.paint.dim(line)}`),
    ...layOut(table, options).map((line) => (line === '' ? '' : `  ${line}`)),
  ]
}

/** A sentence on lines of at most the width, the first after `first`, the others after `rest`. */
function sentence(
  pieces: readonly Inline[],
  tone: Tone,
  { columns, paint }: TerminalOptions,
  first = '',
  rest = first,
): string[] {
  const text = clean(textOf(pieces.map(marked)))
  const width = Math.max(
    20,
    Math.min(columns, Number.isFinite(columns) ? MOST_SENTENCE_COLUMNS : columns) - rest.length,
  )
  const colour = painter(tone, paint)
  return wrap(text, width).map((line, at) => (at === 0 ? first : rest) + colour(line))
}

const marked = (piece: Inline): Inline =>
  typeof piece === 'object' && 'standing' in piece ? `${piece.text} ${standingMark(piece.standing)}` : piece
