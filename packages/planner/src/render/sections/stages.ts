// The stage table: the plan at each of its sizes.
import type { PlanResult, StageResult } from '../../result.ts'
import { cellOf, end, start, tableOf, words } from '../parts.ts'
import type { Cell, Section } from '../report.ts'

export function stagesSection({ stages }: PlanResult): Section | undefined {
  const table = tableOf(
    'The plan at each stage',
    [
      start('stage'),
      start('tier'),
      end('load'),
      start('breaks first', true),
      end('one holds'),
      end('instances'),
      end('cost'),
      start('verdict'),
      start('note', true),
    ],
    stages.flatMap(stageRows),
    { keys: 2 },
  )
  return table === undefined ? undefined : { id: 'stages', title: 'Stages', blocks: [table] }
}

function stageRows(stage: StageResult): Cell[][] {
  const rows = stage.tiers.map((tier, at): Cell[] => [
    { ...words(stage.name, 'strong'), isRepeat: at > 0 },
    words(tier.label),
    cellOf(tier.load),
    words(tier.binding ?? '', 'soft'),
    cellOf(tier.realistic),
    cellOf(tier.instances),
    cellOf(tier.cost),
    tier.sufficient === false ? words('too few', 'bad') : words(tier.stated ? 'stated' : '', 'soft'),
    words(at === 0 ? (stage.note ?? '') : '', 'soft'),
  ])
  if (stage.total !== null && (rows.length !== 1 || stage.tiers[0]?.cost?.text !== stage.total.text)) {
    const blank = words('')
    const name: Cell = { ...words(stage.name, 'strong'), isRepeat: rows.length > 0 }
    const total = [words('total', 'strong'), blank, blank, blank, blank, cellOf(stage.total, 'strong'), blank, blank]
    rows.push([name, ...total])
  }
  return rows
}
