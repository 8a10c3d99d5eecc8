// Costs from measurements: least squares with costs that are not negative, each measurement weighing the same whatever its size.

/** One measurement: how much of each thing there was, and what it took. */
export interface Observation {
  readonly amounts: readonly number[]
  readonly took: number
}

const ROUNDS = 5_000

/** Cost of one of each thing. Minimises the sum of squared relative errors by coordinate descent; a thing that never occurs costs 0. */
export function fitCosts(observations: readonly Observation[], things: number): number[] {
  const usable = observations.filter(({ took }) => took > 0)
  const rows = usable.map(({ amounts, took }) => amounts.map((amount) => amount / took))
  const sizes = Array.from({ length: things }, (_, thing) => Math.hypot(...rows.map((row) => row[thing] ?? 0)))
  // Columns of length 1: amounts differ by orders of magnitude, and descent would crawl.
  const scaled = rows.map((row) => row.map((value, thing) => (sizes[thing] ? value / (sizes[thing] as number) : 0)))
  const result = new Array<number>(things).fill(0)
  const errors = scaled.map(() => -1)
  for (let round = 0; round < ROUNDS; round++) {
    for (let thing = 0; thing < things; thing++) {
      if (!sizes[thing]) continue
      const slope = scaled.reduce((sum, row, at) => sum + (row[thing] as number) * (errors[at] as number), 0)
      const next = Math.max(0, (result[thing] as number) - slope)
      const step = next - (result[thing] as number)
      if (step === 0) continue
      result[thing] = next
      for (let at = 0; at < errors.length; at++) {
        errors[at] = (errors[at] as number) + step * ((scaled[at] as number[])[thing] as number)
      }
    }
  }
  return result.map((value, thing) => (sizes[thing] ? value / (sizes[thing] as number) : 0))
}

export const costOf = (costs: readonly number[], amounts: readonly number[]): number =>
  amounts.reduce((sum, amount, thing) => sum + amount * (costs[thing] ?? 0), 0)
