import { newId } from '@parley/kernel'

const SANE = /^[A-Za-z0-9._:-]{1,64}$/

/** The id the caller gave its request, when it is fit for a log line; otherwise a new one. */
export function requestIdOf(header: string | string[] | undefined): string {
  return typeof header === 'string' && SANE.test(header) ? header : newId('req')
}
