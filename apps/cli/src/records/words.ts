// Counts and sizes as people read them. Pure.

/** `1 record`, `2,000 records`. */
export const countText = (count: number, noun: string): string =>
  `${count.toLocaleString('en')} ${noun}${count === 1 ? '' : 's'}`

const NOUNS: Readonly<Record<string, string>> = {
  sessions: 'session',
  finals: 'final',
  usage: 'day of usage',
  audit: 'act',
}

/** `3 sessions, 20 finals`; empty when all are 0. */
export function rowsText(counts: Readonly<Record<string, number>>): string {
  const parts = Object.entries(counts)
    .filter(([, count]) => count > 0)
    .map(([name, count]) =>
      name === 'usage' ? `${count.toLocaleString('en')} rows of usage` : countText(count, NOUNS[name] ?? name),
    )
  return parts.join(', ')
}

/** `812 B`, `1.5 MB`. */
export function bytesText(bytes: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB']
  let [value, unit] = [bytes, 0]
  while (value >= 1_000 && unit < units.length - 1) {
    value /= 1_000
    unit++
  }
  return `${unit === 0 ? value : value.toFixed(1)} ${units[unit]}`
}
