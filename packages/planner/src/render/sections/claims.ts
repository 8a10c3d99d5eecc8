// The claims of a plan: the wrong ones with what is right and how they came about, then those that cannot be told, then the right ones.
import type { CheckResult, ClaimResult } from '../../result.ts'
import { figure } from '../figures.ts'
import { capital, cellOf, counted, paragraph, start, stopped, tableOf, words } from '../parts.ts'
import type { Finding, Inline, Paragraph, Section } from '../report.ts'

/** One sentence: how many are right. */
export function claimsVerdict({ ok, wrong, notDerivable, claims }: CheckResult): Paragraph {
  if (claims.length === 0) return paragraph(['The plan makes no claims.'])
  if (ok === claims.length) {
    return paragraph([{ strong: 'Claims' }, `: ${ok === 1 ? 'the only one is' : `all ${ok} are`} right.`], 'good')
  }
  const parts = [`${wrong} of ${counted(claims.length, 'claim')} ${wrong === 1 ? 'is' : 'are'} wrong`]
  if (notDerivable > 0) parts.push(`${notDerivable} cannot be told from the plan`)
  parts.push(`${ok} ${ok === 1 ? 'is' : 'are'} right`)
  return paragraph([{ strong: 'Claims' }, `: ${parts.join(', ')}.`], wrong > 0 ? 'bad' : 'warn')
}

export function claimsSections({ claims }: CheckResult): Section[] {
  const of = (verdict: ClaimResult['verdict']) => claims.filter((claim) => claim.verdict === verdict)
  const sections: Section[] = []
  const wrong = of('wrong')
  if (wrong.length > 0) sections.push({ id: 'wrong', title: 'Claims that are wrong', blocks: wrong.map(wrongFinding) })
  const open = of('not-derivable')
  if (open.length > 0) {
    sections.push({
      id: 'not-derivable',
      title: 'Claims that cannot be told from the plan',
      blocks: open.map(openFinding),
    })
  }
  const right = of('ok')
  const table = tableOf(
    'Claims that are right',
    [start('line'), start('claim'), start('says'), start('the plan gives'), start('where', true)],
    right.map((claim) => [
      words(String(claim.line)),
      words(claim.claim),
      words(claim.claimed),
      cellOf(claim.right, 'good'),
      words(claim.where ?? '', 'soft'),
    ]),
  )
  if (table !== undefined) sections.push({ id: 'right', title: 'Claims that are right', blocks: [table] })
  return sections
}

const placeOf = ({ where, line }: ClaimResult): string => (where === null ? `line ${line}` : `${where}, line ${line}`)

const headOf = (claim: ClaimResult): Inline[] => [{ strong: claim.claim }, ` (${placeOf(claim)})`]

function wrongFinding(claim: ClaimResult): Finding {
  const { right, sentence } = claim
  const isSaid = right === null || sentence.includes(right.text)
  const lines: Inline[][] = [[stopped(capital(sentence)), isSaid && right !== null ? ` [${right.standing}]` : '']]
  if (!isSaid) lines.push(['The plan gives ', right, `, and it says ${claim.claimed}${factorWords(claim.factor)}.`])
  if (claim.failingMonths.length > 0) lines.push([`It fails in month ${claim.failingMonths.join(', ')}.`])
  if (claim.slip !== null && !claim.sentence.includes(claim.slip.sentence)) {
    lines.push(['Probably: ', stopped(claim.slip.sentence), ' ', { name: claim.slip.kind }])
  }
  for (const slip of claim.otherSlips) lines.push(['Or: ', stopped(slip.sentence), ' ', { name: slip.kind }])
  return { kind: 'finding', tone: 'bad', mark: 'wrong', head: headOf(claim), lines }
}

/** `: a factor of 24, too high` */
function factorWords(factor: number | null): string {
  if (factor === null || !(factor > 0)) return ''
  const ratio = factor >= 1 ? factor : 1 / factor
  const way = factor >= 1 ? 'too high' : 'too low'
  return ratio < 1.5 ? `: ${figure((ratio - 1) * 100)} % ${way}` : `: a factor of ${figure(ratio)} ${way}`
}

function openFinding(claim: ClaimResult): Finding {
  const lines: Inline[][] = [[stopped(capital(claim.sentence))]]
  if (claim.missing.length > 0) {
    lines.push([
      'The plan would have to give: ',
      ...claim.missing.flatMap((name, at): Inline[] => [at === 0 ? '' : ', ', { name }]),
      '.',
    ])
  }
  return { kind: 'finding', tone: 'warn', mark: 'cannot be told', head: headOf(claim), lines }
}
