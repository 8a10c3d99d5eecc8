// Percentiles of a few values. Pure.

/** Value below which `ratio` of the sorted values lie (nearest rank); undefined of none. */
export function nearestRank(sorted: readonly number[], ratio: number): number | undefined {
  return sorted[Math.max(0, Math.ceil(ratio * sorted.length) - 1)]
}
