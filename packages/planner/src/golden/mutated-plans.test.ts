import assert from 'node:assert/strict'
import { test } from 'node:test'
import { checkPlan } from '../check.ts'
import {
  type Claim,
  numbersOf,
  rightClaims,
  rightNumbers,
  type SlipKind,
  textOfPlan,
  wrongClaims,
} from './plans-with-slips.ts'
import { planOf } from './read-golden.ts'

const PLANS = 30

const claimLines = (claims: readonly Claim[]): string =>
  `claims:\n${claims.map(({ of, value }) => `  - { claim: '${of}', of: '${of}', value: '${value}' }`).join('\n')}\n`

/** A slip that leaves the number as it was is none. */
const isSlip = (seed: number): boolean => {
  const n = numbersOf(seed)
  const { limit, realistic, needed, online, loopLimit, memoryLimit } = rightNumbers(n)
  const unbuffered = Math.ceil(online / realistic - 1e-9)
  return limit !== realistic && unbuffered !== needed && loopLimit > 20 && memoryLimit !== loopLimit
}

test(`[CHK24] the right claims of ${PLANS} random plans raise no alarm`, () => {
  for (let seed = 1; seed <= PLANS; seed += 1) {
    const n = numbersOf(seed)
    for (const { claim, verdict, sentence } of checkPlan(planOf(textOfPlan(n) + claimLines(rightClaims(n)))).claims) {
      assert.equal(verdict, 'ok', `plan ${seed}, ${claim}: ${sentence}`)
    }
  }
})

test('[CHK12, CHK13, CHK14, CHK15, CHK16, CHK17, CHK18, CHK19, CHK21, CHK22, CHK23] a slip put into a right plan is named by its kind', () => {
  const missed = new Map<SlipKind, string[]>()
  const tried = new Map<SlipKind, number>()
  for (let seed = 1; seed <= PLANS; seed += 1) {
    if (!isSlip(seed)) continue
    const n = numbersOf(seed)
    const wrong = wrongClaims(n)
    for (const [index, [kind, claim]] of wrong.entries()) {
      // A number that ends in zeros may stand for its neighbour.
      if (/0 instances$/.test(claim.value)) continue
      // One at a time: another wrong claim could explain it.
      const [result] = checkPlan(planOf(textOfPlan(n) + claimLines([claim]))).claims
      assert.equal(result?.verdict, 'wrong', `plan ${seed}, ${kind} ${index}: ${result?.sentence}`)
      tried.set(kind, (tried.get(kind) ?? 0) + 1)
      if (result?.slip?.kind === kind) continue
      const named = [result?.slip, ...(result?.otherSlips ?? [])].map((slip) => `${slip?.kind} ${slip?.about}`)
      missed.set(kind, [
        ...(missed.get(kind) ?? []),
        `plan ${seed}, claim ${index} (${claim.of} ${claim.value}): ${named.join(', ')}`,
      ])
    }
  }
  for (const [kind, count] of tried) {
    const misses = missed.get(kind) ?? []
    assert.ok(
      misses.length <= count / 100,
      `${kind}: ${misses.length} of ${count} not named first:\n${misses.join('\n')}`,
    )
  }
})
