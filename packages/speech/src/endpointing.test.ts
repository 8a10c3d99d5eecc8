import assert from 'node:assert/strict'
import { test } from 'node:test'
import { CUT_SEARCH_BLOCKS, DEFAULT_ENDPOINTING, Endpointer, PRE_ROLL_BLOCKS } from './endpointing.ts'

const LOUD = -20
const QUIET = -60

/** 'v' voiced, '.' unvoiced; answers the decisions by their first letters: silence, [b]egin, [g]oing on, end, cut. */
function decide(endpointer: Endpointer, blocks: string): string {
  const letters = { silence: '-', start: 'b', speech: 'g', end: 'e', cut: 'c' } as const
  return [...blocks].map((block) => letters[endpointer.next(block === 'v', block === 'v' ? LOUD : QUIET)]).join('')
}

test('[EP1] speech begins with three voiced blocks among five, not with a click', () => {
  assert.equal(decide(new Endpointer(DEFAULT_ENDPOINTING), '..v...vv...v.v.v'), `${'-'.repeat(15)}b`)
  assert.equal(decide(new Endpointer(DEFAULT_ENDPOINTING), 'v....v....v'), '-'.repeat(11))
})

test('[EP2] it ends after the endpointing wait of silence, which is known for subtraction; shorter pauses belong to it', () => {
  const endpointer = new Endpointer({ endpointMs: 300, maxUtteranceMs: 20_000 })
  assert.equal(decide(endpointer, `vvv${'.'.repeat(14)}v${'.'.repeat(15)}.`), `--b${'g'.repeat(15)}${'g'.repeat(14)}e-`)
  assert.equal(endpointer.isOpen, false)
  const other = new Endpointer({ endpointMs: 100, maxUtteranceMs: 20_000 })
  assert.equal(decide(other, 'vvv.....'), '--bgggge')
  assert.equal(other.hangoverBlocks, 5)
})

test('[UT5] an utterance is cut when it is as long as it may be, and the quietest point of its last 3 s is known', () => {
  const endpointer = new Endpointer({ endpointMs: 300, maxUtteranceMs: 5_000 })
  const decisions: string[] = []
  for (let at = 0; at < 3 + 250 - PRE_ROLL_BLOCKS; at++)
    decisions.push(endpointer.next(true, at >= 200 && at < 205 ? -35 : at === 20 ? -90 : LOUD))
  assert.equal(decisions.indexOf('cut'), decisions.length - 1)
  const quietestAt = decisions.length - 1 - endpointer.quietestBlocksAgo()
  assert.ok(quietestAt >= 200 && quietestAt < 205, `at ${quietestAt}`)
  endpointer.continueAfterCut(36)
  assert.ok(endpointer.isOpen)
  assert.equal(decide(endpointer, 'v'.repeat(250 - 36)), `${'g'.repeat(250 - 36 - 1)}c`)
})

test('[UT5] the search for the quietest point never reaches behind half of the longest utterance', () => {
  const endpointer = new Endpointer({ endpointMs: 300, maxUtteranceMs: 3_000 })
  for (let at = 0; at < CUT_SEARCH_BLOCKS; at++) endpointer.next(true, at)
  assert.ok(endpointer.quietestBlocksAgo() <= CUT_SEARCH_BLOCKS / 2)
})

test('[UT6] what is going on can be ended at once, and what was heard before does not begin another', () => {
  const endpointer = new Endpointer(DEFAULT_ENDPOINTING)
  assert.equal(decide(endpointer, 'vvvv'), '--bg')
  endpointer.finish()
  assert.equal(decide(endpointer, '.vv.'), '----')
})
