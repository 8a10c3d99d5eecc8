// Why a number is what it is, as lines: the number first, each input once, set in by how far it is from it.
import type { Why, WhyStep } from '../result.ts'
import { stopped } from './parts.ts'
import type { Inline } from './report.ts'

export interface WhyLine {
  /** 0 for the number itself, 1 for what it was computed from ... */
  readonly depth: number
  readonly text: readonly Inline[]
}

const MOST_DEPTH = 8

export function whyLines(why: Why): WhyLine[] {
  const depths = depthsOf(why)
  return why.steps.map((step) => ({ depth: depths.get(step.quantity.name) ?? 1, text: sentenceOf(step) }))
}

/** Steps follow nearest first, so an input is always deeper than the first step that names it. */
function depthsOf({ steps }: Why): Map<string, number> {
  const depths = new Map<string, number>()
  const [first] = steps
  if (first !== undefined) depths.set(first.quantity.name, 0)
  for (const { quantity, inputs } of steps) {
    const depth = Math.min(MOST_DEPTH, (depths.get(quantity.name) ?? 0) + 1)
    for (const input of inputs) if (!depths.has(input)) depths.set(input, depth)
  }
  return depths
}

function sentenceOf({ sentence, quantity, line, note }: WhyStep): Inline[] {
  const parts: string[] = [quantity.standing]
  if (line !== null) parts.push(`line ${line}`)
  const text: Inline[] = [stopped(sentence), ` [${parts.join(', ')}]`]
  if (note !== null) text.push(` ${stopped(note)}`)
  return text
}
