// What the fake provider does wrong, and how often. Pure: the same seed and the same requests go wrong in the same way.
import { err, ok, type Random, type Result } from '@parley/kernel'

/**
 * 429: refused, with Retry-After; 429-silent: without. 500: in trouble. hang: takes the request and never answers. close: ends the connection
 * in the middle of the answer. nonsense: answers with what no protocol says. wrong-language: translates into another language. slow: answers
 * a byte every SLOW_BYTE_MS.
 */
export const FAULT_KINDS = ['429', '429-silent', '500', 'hang', 'close', 'nonsense', 'wrong-language', 'slow'] as const
export type FaultKind = (typeof FAULT_KINDS)[number]

/** Share of requests for each kind; together at most 1. */
export type FaultShares = Readonly<Partial<Record<FaultKind, number>>>

/** What a plain share such as `2%` means: what happens with real providers on a bad day. */
const USUAL_KINDS: readonly FaultKind[] = ['500', 'close', '429']
export const SLOW_BYTE_MS = 1_000

const EXAMPLE = '2%, or kinds with their shares such as 500=1%,hang=0.5%'

/** Reads `2%`, `hang=1%,close=2%` or nothing. */
export function parseFaults(text: string): Result<FaultShares, string> {
  const shares: Partial<Record<FaultKind, number>> = {}
  for (const part of text.split(',').map((each) => each.trim())) {
    if (part === '') continue
    const match = /^(?:([a-z0-9-]+)=)?(\d+(?:\.\d+)?)%$/.exec(part)
    if (!match) return err(`"${part}" is not a share of faults: give ${EXAMPLE}`)
    const [, kind, percent] = match
    const share = Number(percent) / 100
    if (kind === undefined) for (const usual of USUAL_KINDS) add(shares, usual, share / USUAL_KINDS.length)
    else if (isKind(kind)) add(shares, kind, share)
    else return err(`"${kind}" is not a kind of fault; there are ${FAULT_KINDS.join(', ')}`)
  }
  const sum = Object.values(shares).reduce((total, share) => total + share, 0)
  return sum > 1 + 1e-9
    ? err(`the shares of faults are ${Math.round(sum * 100)}% together; 100% is the most`)
    : ok(shares)
}

/** The fault of the next request, or none. Takes one number of `random`, whatever comes out. */
export function nextFault(shares: FaultShares, random: Random): FaultKind | undefined {
  let left = random()
  for (const kind of FAULT_KINDS) {
    left -= shares[kind] ?? 0
    if (left < 0) return kind
  }
  return undefined
}

const add = (shares: Partial<Record<FaultKind, number>>, kind: FaultKind, share: number) => {
  shares[kind] = (shares[kind] ?? 0) + share
}

const isKind = (text: string): text is FaultKind => (FAULT_KINDS as readonly string[]).includes(text)
