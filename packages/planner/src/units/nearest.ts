// The valid word nearest to one that is not.
import { distance } from 'fastest-levenshtein'

/** Undefined when nothing is near enough to have been meant. Among equally near ones that of the same length is meant. */
export function nearest(text: string, candidates: readonly string[]): string | undefined {
  if (text === '') return undefined
  const lower = text.toLowerCase()
  const most = text.length <= 3 ? 1 : Math.max(2, Math.floor(text.length / 3))
  let best: { word: string; away: number; longer: number } | undefined
  for (const word of candidates) {
    const longer = Math.abs(word.length - text.length)
    if (longer > most) continue
    const away = distance(lower, word.toLowerCase())
    if (away > most) continue
    if (best === undefined || away < best.away || (away === best.away && longer < best.longer)) best = { word, away, longer }
  }
  return best?.word
}
