// Why a number is what it is, as lines: the number first, each input once, set in by how far it is from it.
import type { Why, WhyStep } from '../result.ts'
import { stopped } from './parts.ts'
import type { Inline } from './report.ts'

export interface WhyLine {
  /** 0 for the number itself, 1 for what it was computed from ... */
  readonly depth: number
  readonly text: readonly Inline[]
}

/** Deeper than this is not set in further: lines must keep room for words. */
const MOST_DEPTH = 8

/** Each step once, right below the first that needs it. */
export function whyLines({ steps }: Why): WhyLine[] {
  const byName = new Map(steps.map((step) => [step.quantity.name, step]))
  const [first] = steps
  const lines: WhyLine[] = []
  const told = new Set<string>()
  const tell = (step: WhyStep, depth: number): void => {
    told.add(step.quantity.name)
    lines.push({ depth: Math.min(depth, MOST_DEPTH), text: sentenceOf(step) })
    for (const name of step.inputs) {
      const input = byName.get(name)
      if (input !== undefined && !told.has(name)) tell(input, depth + 1)
    }
  }
  if (first !== undefined) tell(first, 0)
  for (const step of steps) if (!told.has(step.quantity.name)) tell(step, 1)
  return lines
}

function sentenceOf({ sentence, quantity, line, note }: WhyStep): Inline[] {
  const place = line === null || sentence.includes(`line ${line}`) ? '' : `, line ${line}`
  const text: Inline[] = [stopped(sentence), ` [${quantity.standing}${place}]`]
  if (note !== null && !sentence.includes(note)) text.push(` ${stopped(note)}`)
  return text
}
