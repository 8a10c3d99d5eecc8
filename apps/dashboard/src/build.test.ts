import assert from 'node:assert/strict'
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { buildPage } from '../build.ts'

test('[PG15] the built page is files of one origin, named by content, with nothing inline', async (t) => {
  const outDir = await mkdtemp(join(tmpdir(), 'parley-build-'))
  t.after(() => rm(outDir, { recursive: true, force: true }))
  await buildPage({ outDir })
  const html = await readFile(join(outDir, 'index.html'), 'utf8')
  assert.doesNotMatch(html, /<style|\sstyle=|<script(?![^>]*\ssrc=)|\son[a-z]+=/, 'something is inline')
  const links = [...html.matchAll(/(?:src|href)="([^"]+)"/g)].map((match) => match[1] as string)
  assert.ok(links.length >= 3, html)
  for (const link of links) assert.match(link, /^\/assets\/[\w-]+-[\w-]{8}\.(js|css|svg)$/)

  const assets = await readdir(join(outDir, 'assets'))
  assert.ok(
    assets.some((name) => /^hello-.+\.wav$/.test(name)),
    'the sample is not there',
  )
  assert.ok(
    assets.some((name) => /^capture-worklet-.+\.js$/.test(name)),
    'the microphone has no worklet',
  )
  for (const name of assets.filter((asset) => /\.(js|css)$/.test(asset))) {
    const text = await readFile(join(outDir, 'assets', name), 'utf8')
    assert.doesNotMatch(text, /\bnew Function\(|[^.\w]eval\(/, `${name} makes code from text, which the policy forbids`)
    assert.doesNotMatch(text, /@import|url\(["']?https?:/, `${name} fetches from elsewhere`)
  }
})
