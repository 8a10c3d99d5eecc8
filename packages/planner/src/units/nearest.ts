// The valid word nearest to one that is not.
import { closest, distance } from 'fastest-levenshtein'

/** Undefined when nothing is near enough to have been meant. */
export function nearest(text: string, candidates: readonly string[]): string | undefined {
  if (candidates.length === 0 || text === '') return undefined
  const lower = text.toLowerCase()
  const best = closest(
    lower,
    candidates.map((candidate) => candidate.toLowerCase()),
  )
  if (distance(lower, best) > Math.max(1, Math.floor(text.length / 3))) return undefined
  return candidates.find((candidate) => candidate.toLowerCase() === best)
}
