// Values of `parley fake-provider` as people write them. A wrong one is refused with the right form.
import { type FaultShares, type Latency, parseFaults } from '@parley/providers/fake'
import { InvalidArgumentError } from 'commander'
import { parseDurationMs } from '../impair/values.ts'

/** `200ms,900ms` (median and 95th percentile), or one time for both. */
export function parseLatency(text: string): Latency {
  const parts = text.split(',').map((part) => part.trim())
  const [p50 = '', p95 = p50, ...rest] = parts
  if (rest.length > 0) throw new InvalidArgumentError('give the median and the 95th percentile, such as 300ms,900ms.')
  const latency = { p50Ms: parseDurationMs(p50), p95Ms: parseDurationMs(p95) }
  if (latency.p95Ms < latency.p50Ms) {
    throw new InvalidArgumentError(
      `the 95th percentile (${p95}) is below the median (${p50}); give them as 300ms,900ms.`,
    )
  }
  return latency
}

/** A whole number of requests or tokens per minute. */
export function parsePerMinute(text: string): number {
  if (!/^\d{1,9}$/.test(text)) throw new InvalidArgumentError(`"${text}" is not a whole number per minute.`)
  return Number(text)
}

export function parseFail(text: string): FaultShares {
  const shares = parseFaults(text)
  if (!shares.ok) throw new InvalidArgumentError(`${shares.error}.`)
  return shares.value
}
