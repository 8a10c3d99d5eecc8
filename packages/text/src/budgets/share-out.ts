// How one amount is divided between those who want some of it. Pure.

export interface Claim {
  /** How much of it is wanted now. */
  readonly demand: number
  /** What the claimant has at present; decides who gets the odd one of a whole number. */
  readonly held: number
}

/**
 * Max-min fair shares of `total`, in the order of the claims: whoever wants less than an equal part gets what it wants, the others divide
 * what is left equally; what nobody wants is divided equally too, so that a share is there when it is suddenly wanted. The shares sum to
 * `total` (Infinity: everybody gets that).
 */
export function shareOut(total: number, claims: readonly Claim[]): number[] {
  if (total === Number.POSITIVE_INFINITY) return claims.map(() => total)
  const shares = claims.map(() => 0)
  let left = total
  let open = claims.map((_, at) => at)
  while (open.length > 0) {
    const part = left / open.length
    const modest = open.filter((at) => demandOf(claims, at) <= part)
    if (modest.length === 0) {
      for (const at of open) shares[at] = part
      left = 0
      break
    }
    for (const at of modest) {
      shares[at] = demandOf(claims, at)
      left -= demandOf(claims, at)
    }
    open = open.filter((at) => !modest.includes(at))
  }
  return shares.map((share) => share + Math.max(0, left) / claims.length)
}

/**
 * The same in whole numbers. Of the odd ones that are left over, one each goes to those whose share was cut most, before all to those who
 * hold least: with fewer places than claimants the places go round.
 */
export function shareOutWhole(total: number, claims: readonly Claim[]): number[] {
  const exact = shareOut(total, claims)
  if (total === Number.POSITIVE_INFINITY) return exact
  const shares = exact.map((share) => Math.floor(share + 1e-9))
  const left = Math.round(total - shares.reduce((sum, share) => sum + share, 0))
  const order = claims
    .map((claim, at) => ({ at, claim, cut: (exact[at] as number) - (shares[at] as number) }))
    .sort((a, b) => wants(b.claim) - wants(a.claim) || a.claim.held - b.claim.held || b.cut - a.cut || a.at - b.at)
  for (const { at } of order.slice(0, left)) shares[at] = (shares[at] as number) + 1
  return shares
}

const demandOf = (claims: readonly Claim[], at: number): number => (claims[at] as Claim).demand
const wants = ({ demand }: Claim): number => Number(demand > 0)
