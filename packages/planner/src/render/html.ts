// A report as one HTML file: no script, nothing from the network, charts as SVG with their numbers in tables beside them.
import { barsSvg } from './charts/bars-chart.ts'
import type { Picture } from './charts/frame.ts'
import { limitsSvg } from './charts/limits-chart.ts'
import { lineClass, linesSvg } from './charts/lines-chart.ts'
import { element, escapeText } from './charts/markup.ts'
import { STYLE } from './html-style.ts'
import { standingHtml, tableHtml } from './html-table.ts'
import { type Block, type Chart, type Inline, type Report, type Section, STANDING_WORDS, wordsOf } from './report.ts'

/** One chart is drawn for each of these widths; the style sheet shows the one that fits. */
const WIDTHS_PX = { wide: 720, narrow: 320 } as const

/** Nothing may be loaded or run; a page that names no host cannot reach one. */
const POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"

export function htmlOf(report: Report): string {
  const title = escapeText(report.title)
  const note = report.note === null ? '' : element('p', { class: 'plan-note' }, escapeText(report.note))
  const parts = [
    element('a', { class: 'skip', href: '#answer' }, 'Skip to the answer'),
    element('header', {}, element('p', { class: 'kicker' }, 'Plan'), element('h1', {}, title), note),
    element(
      'main',
      { id: 'answer' },
      element(
        'section',
        { class: 'lead', 'aria-label': 'In short' },
        ...report.lead.map((line) => blockHtml(line, '', '')),
      ),
      contents(report.sections),
      ...report.sections.map(sectionHtml),
    ),
    element('footer', {}, legend()),
  ]
  return [
    '<!doctype html>',
    '<html lang="en">',
    '<head>',
    '<meta charset="utf-8">',
    `<meta http-equiv="Content-Security-Policy" content="${POLICY}">`,
    '<meta name="viewport" content="width=device-width, initial-scale=1">',
    '<meta name="color-scheme" content="light dark">',
    `<title>${title}</title>`,
    `<style>${STYLE}</style>`,
    '</head>',
    `<body>${parts.join('\n')}</body>`,
    '</html>',
    '',
  ].join('\n')
}

const legend = (): string => {
  const words = Object.entries(STANDING_WORDS).map(
    ([standing, meaning]) => `${element('span', { class: `standing ${standing}` }, standing)}: ${meaning}`,
  )
  return element('p', {}, `Each number says where it comes from. ${words.join('; ')}. A range stands in brackets.`)
}

function contents(sections: readonly Section[]): string {
  if (sections.length < 3) return ''
  const items = sections.map(({ id, title }) =>
    element('li', {}, element('a', { href: `#${anchor(id)}` }, escapeText(title))),
  )
  return element('nav', { 'aria-label': 'Sections' }, element('ul', {}, ...items))
}

/** Names of a plan hold letters, digits, `-` and `_`; whatever else comes is left out. */
const anchor = (id: string): string => id.replace(/[^A-Za-z0-9_-]/g, '-')

function sectionHtml({ id, title, blocks }: Section): string {
  const name = anchor(id)
  const heading = element('h2', { id: `${name}-title` }, escapeText(title))
  const parts = blocks.map((block, at) => blockHtml(block, `${name}-${at + 1}`, title))
  return element('section', { class: 'part', id: name, 'aria-labelledby': `${name}-title` }, heading, ...parts)
}

function blockHtml(block: Block, id: string, title: string): string {
  switch (block.kind) {
    case 'paragraph':
      return element('p', { class: block.tone === 'plain' ? undefined : block.tone }, inline(block.text))
    case 'bullets':
      return element('ul', { class: 'notes' }, ...block.items.map(({ text }) => element('li', {}, inline(text))))
    case 'finding': {
      const mark = element('span', { class: 'mark' }, escapeText(block.mark))
      const lines = block.lines.map((line) => element('p', {}, inline(line)))
      return element(
        'div',
        { class: `finding ${block.tone}` },
        element('h3', {}, mark, ' ', inline(block.head)),
        ...lines,
      )
    }
    case 'table':
      return tableHtml(block, id, title)
    case 'chart':
      return figureHtml(block, id)
  }
}

function inline(pieces: readonly Inline[]): string {
  return pieces
    .map((piece) => {
      if (typeof piece === 'string') return escapeText(piece)
      if ('strong' in piece) return element('strong', {}, escapeText(piece.strong))
      if ('name' in piece && !('standing' in piece)) return element('code', {}, escapeText(piece.name))
      const text = element('span', { class: 'number' }, escapeText(wordsOf(piece)))
      return 'standing' in piece ? `${text} ${standingHtml(piece.standing)}` : text
    })
    .join('')
}

function figureHtml(block: Chart, id: string): string {
  const pictures = (Object.keys(WIDTHS_PX) as (keyof typeof WIDTHS_PX)[]).map((variant) =>
    draw(block, { id, title: block.title, description: block.description, widthPx: WIDTHS_PX[variant], variant }),
  )
  return element('figure', {}, element('figcaption', {}, escapeText(block.title), chartLegend(block)), ...pictures)
}

function draw({ chart }: Chart, picture: Picture): string {
  switch (chart.form) {
    case 'limits':
      return limitsSvg(chart, picture)
    case 'bars':
      return barsSvg(chart, picture)
    case 'lines':
      return linesSvg(chart, picture)
  }
}

function chartLegend({ chart }: Chart): string {
  if (chart.form === 'bars') {
    if (chart.names === null) return ''
    return legendList([
      [swatch('<rect x="1" y="1" width="22" height="10" class="bar kept"/>'), chart.names.value],
      [swatch('<rect x="1" y="1" width="22" height="10" class="bar saved"/>'), chart.names.before],
    ])
  }
  if (chart.form === 'limits') {
    const isRange = chart.rows.some(({ low, high }) => low !== high)
    return isRange
      ? legendList([
          [swatch('<circle cx="12" cy="6" r="5" class="point free"/>'), 'typical'],
          [swatch('<rect x="0" y="1" width="24" height="10" rx="3" class="range free"/>'), 'range'],
        ])
      : ''
  }
  const hasBand = chart.series.some(({ lows }) => lows !== null)
  return legendList([
    ...chart.series.map(({ name }, at): [string, string] => [
      swatch(`<path d="M0 6H24" class="${lineClass(at)}"/>`),
      name,
    ]),
    ...(hasBand
      ? [[swatch('<rect width="24" height="12" class="band line line-1"/>'), 'range'] as [string, string]]
      : []),
  ])
}

const swatch = (shape: string): string =>
  `<svg class="chart-key" width="24" height="12" viewBox="0 0 24 12" aria-hidden="true">${shape}</svg>`

const legendList = (entries: readonly (readonly [string, string])[]): string =>
  element('ul', { class: 'legend' }, ...entries.map(([shape, name]) => element('li', {}, shape, escapeText(name))))
