// A report as GitHub markdown: headings, sentences, tables. Charts are left to HTML; their numbers are in the tables.
import {
  type Block,
  type Cell,
  type Inline,
  type Report,
  STANDING_WORDS,
  sharedStanding,
  type Table,
  wordsOf,
} from './report.ts'
import type { WhyLine } from './why.ts'

export function markdownOf(report: Report): string {
  const parts = [`# ${escaped(report.title)}`]
  if (report.note !== null) parts.push(escaped(report.note))
  parts.push(report.lead.map(({ text }) => `- ${inline(text)}`).join('\n'))
  for (const section of report.sections) {
    parts.push(`## ${escaped(section.title)}`)
    for (const block of section.blocks) {
      const text = blockText(block, section.title)
      if (text !== '') parts.push(text)
    }
  }
  parts.push(legend())
  return `${parts.filter((part) => part !== '').join('\n\n')}\n`
}

const legend = (): string =>
  `Each number is marked: ${Object.entries(STANDING_WORDS)
    .map(([standing, meaning]) => `*${standing}* (${meaning})`)
    .join(', ')}.`

export const whyMarkdown = (lines: readonly WhyLine[]): string =>
  `${lines.map(({ depth, text }) => `${'  '.repeat(depth)}- ${inline(text)}`).join('\n')}\n`

function blockText(block: Block, title: string): string {
  switch (block.kind) {
    case 'paragraph':
      return inline(block.text)
    case 'bullets':
      return block.items.map(({ text }) => `- ${inline(text)}`).join('\n')
    case 'finding':
      return [`- **${block.mark}**: ${inline(block.head)}`, ...block.lines.map((line) => `  - ${inline(line)}`)].join(
        '\n',
      )
    case 'table':
      return tableText(block, title)
    case 'chart':
      return ''
  }
}

function inline(pieces: readonly Inline[]): string {
  return pieces
    .map((piece) => {
      if (typeof piece === 'string') return escaped(piece)
      if ('strong' in piece) return `**${escaped(piece.strong)}**`
      if ('standing' in piece) return `${escaped(piece.text)} *(${piece.standing})*`
      return code(wordsOf(piece))
    })
    .join('')
}

/** A code span, whatever backticks are in it. */
function code(text: string): string {
  const flat = text.replaceAll('\n', ' ')
  const runs = [...flat.matchAll(/`+/g)].map(([run]) => run.length)
  const fence = '`'.repeat(Math.max(0, ...runs) + 1)
  return runs.length === 0 ? `${fence}${flat}${fence}` : `${fence} ${flat} ${fence}`
}

function tableText(table: Table, title: string): string {
  const shared = table.columns.map((_, at) => sharedStanding(table, at))
  const heads = table.columns.map(({ head, unit }, at) => {
    const name = unit === undefined ? head : unit.startsWith('/') ? `${head} ${unit}` : `${head}, ${unit}`
    return cellEscaped(name) + (shared[at] === undefined ? '' : ` *(${shared[at]})*`)
  })
  const rule = table.columns.map(({ align }) => (align === 'end' ? '---:' : '---'))
  const rows = table.rows.map((row) => row.map((cell, at) => cellMarkdown(cell, shared[at] !== undefined)))
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`
  const caption = table.caption === title ? [] : [`**${escaped(table.caption)}**`, '']
  return [...caption, line(heads), line(rule), ...rows.map(line)].join('\n')
}

function cellMarkdown(cell: Cell, isSaidByHead: boolean): string {
  const text = cellEscaped(cell.text)
  const shown = cell.tone === 'strong' && text !== '-' ? `**${text}**` : text
  return cell.standing === undefined || isSaidByHead ? shown : `${shown} *(${cell.standing})*`
}

/** Text that means itself: what markdown or HTML would read otherwise is escaped. */
const escaped = (text: string): string =>
  text
    .replace(/[\\`*_[\]<>#|~]/g, (sign) => `\\${sign}`)
    .replace(/^(\s*)([-+]|\d+[.)])(?=\s)/, '$1\\$2')
    .replaceAll('\n', ' ')

const cellEscaped = (text: string): string => (text === '-' ? '-' : escaped(text))
