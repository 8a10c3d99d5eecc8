// Objectives, what the answer is most sensitive to, what deserves attention, and the numbers everything rests on.
import type { ObjectiveResult, PlanResult, Quantity, Sensitivity } from '../../result.ts'
import { figure, percent } from '../figures.ts'
import { capital, cellOf, end, start, stopped, tableOf, words } from '../parts.ts'
import type { Cell, Section, Table } from '../report.ts'

export function objectivesSection({ objectives }: PlanResult): Section | undefined {
  const table = tableOf(
    'Objectives',
    [
      start('objective'),
      end('value'),
      start('must be'),
      end('bound'),
      start('verdict'),
      end('distance'),
      start('note', true),
    ],
    objectives.map(objectiveRow),
  )
  return table === undefined ? undefined : { id: 'objectives', title: 'Objectives', blocks: [table] }
}

const VERDICTS = {
  met: words('met', 'good'),
  missed: words('missed', 'bad'),
  open: words('open: the range allows both', 'warn'),
} as const

const objectiveRow = (objective: ObjectiveResult): Cell[] => [
  words(objective.label),
  cellOf(objective.value),
  words(objective.comparison === 'atMost' ? 'at most' : 'at least', 'soft'),
  cellOf(objective.bound),
  VERDICTS[objective.verdict],
  words(objective.marginRatio === null ? '' : percent(objective.marginRatio)),
  words(objective.note ?? '', 'soft'),
]

export function sensitivitySection({ sensitivities }: PlanResult): Section | undefined {
  const tables = sensitivities
    .filter(isTelling)
    .map(sensitivityTable)
    .filter((table) => table !== undefined)
  return tables.length === 0 ? undefined : { id: 'sensitivity', title: 'What moves the answer most', blocks: tables }
}

/** That a number moves with the one number it is stated as tells nothing. */
const isTelling = ({ inputs }: Sensitivity): boolean => inputs.length > 1 || inputs[0]?.span === 'range'

function sensitivityTable({ label, value, inputs }: Sensitivity): Table | undefined {
  const widest = Math.max(...inputs.map(({ swingRatio }) => swingRatio ?? 0), 0)
  const rows = inputs.map(({ name, input, span, atLow, atHigh, swingRatio }): Cell[] => [
    words(name),
    cellOf(input),
    words(span === 'range' ? 'over its range' : 'by 10 %', 'soft'),
    words(atLow === null ? '' : figure(atLow)),
    words(atHigh === null ? '' : figure(atHigh)),
    swingRatio === null ? words('') : { text: percent(swingRatio), meterRatio: widest > 0 ? swingRatio / widest : 0 },
  ])
  const unit = value.unit === '' ? '' : `, in ${value.unit}`
  return tableOf(
    `${capital(label)}: ${value.text}, with one input changed at a time`,
    [
      start('input'),
      end('its value'),
      start('changed', true),
      end(`at its low end${unit}`),
      end('at its high end'),
      start('swing'),
    ],
    rows,
  )
}

export function notesSection({ notes }: PlanResult): Section | undefined {
  if (notes.length === 0) return undefined
  const items = notes.map(({ sentence, line, code }) => ({
    tone: 'warn' as const,
    text: [`${stopped(sentence)} `, { name: line === null ? code : `${code}, line ${line}` }],
  }))
  return { id: 'notes', title: 'Take note', blocks: [{ kind: 'bullets', items }] }
}

export function quantitiesSection({ quantities }: PlanResult): Section | undefined {
  const row = (quantity: Quantity): Cell[] => [words(quantity.name), cellOf(quantity)]
  const table = tableOf('Named numbers of the plan', [start('name'), end('value')], quantities.map(row))
  return table === undefined ? undefined : { id: 'quantities', title: 'Numbers it rests on', blocks: [table] }
}
