import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { WatchLinkId } from '@parley/protocol'
import { MAX_WATCH_LINKS, WatchLinks } from './watch-links.ts'

const link = (name: string | number): WatchLinkId => `wat_${name}` as WatchLinkId

test('[WT3] a link is valid until it expires or is revoked', () => {
  const links = new WatchLinks()
  links.add(link('a'), 100, 0)
  assert.equal(links.validUntil(link('a'), 99), 100)
  assert.equal(links.validUntil(link('a'), 100), undefined)
  assert.equal(links.validUntil(link('b'), 0), undefined)
  assert.equal(links.revoke(link('a')), true)
  assert.equal(links.validUntil(link('a'), 0), undefined)
  assert.equal(links.revoke(link('a')), false)
})

test('[WT3] links are bounded; expired ones make room', () => {
  const links = new WatchLinks()
  for (let count = 0; count < MAX_WATCH_LINKS; count++) assert.ok(links.add(link(count), 100, 0))
  assert.equal(links.add(link('more'), 100, 50), false)
  assert.equal(links.add(link('more'), 300, 100), true)
  assert.equal(links.size, 1)
})
