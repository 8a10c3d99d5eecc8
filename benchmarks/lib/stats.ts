// Numbers a benchmark reports: medians and percentiles of what was measured, nothing smoothed.

export function quantile(values: readonly number[], q: number): number {
  if (values.length === 0) return Number.NaN
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.max(0, Math.ceil(q * sorted.length) - 1))] as number
}

export const median = (values: readonly number[]): number => {
  if (values.length === 0) return Number.NaN
  const sorted = values.toSorted((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1
    ? (sorted[middle] as number)
    : ((sorted[middle - 1] as number) + (sorted[middle] as number)) / 2
}

export const round = (value: number, digits = 1): number => Number(value.toFixed(digits))

/** Words as a listener compares them: lower case, no punctuation. */
export function words(text: string): string[] {
  return text
    .toLowerCase()
    .replace(/[^a-z0-9' ]+/g, ' ')
    .split(/\s+/)
    .filter(Boolean)
}

/** Word errors (substitutions + deletions + insertions) between what was said and what was heard: Levenshtein over words. */
export function wordErrors(said: readonly string[], heard: readonly string[]): number {
  let row = Array.from({ length: heard.length + 1 }, (_, index) => index)
  for (let i = 1; i <= said.length; i++) {
    const next = [i]
    for (let j = 1; j <= heard.length; j++) {
      const substitution = (row[j - 1] as number) + (said[i - 1] === heard[j - 1] ? 0 : 1)
      next[j] = Math.min(substitution, (row[j] as number) + 1, (next[j - 1] as number) + 1)
    }
    row = next
  }
  return row[heard.length] as number
}
