import assert from 'node:assert/strict'
import { test } from 'node:test'
import { canonicalTag, type Mode, parseModeFile, pipelineScript, tagsOfMode } from './mode-files.ts'
import { Routes } from './routes.ts'

function modes(...names: string[]): Mode[] {
  return names.map((name) => ({ name, ...(tagsOfMode(name) as { from: string; to: string }), stages: [] }))
}

test('[AP3] the name of a mode says its languages in BCP 47, whatever Apertium calls them', () => {
  assert.deepEqual(tagsOfMode('eng-spa'), { from: 'en', to: 'es' })
  assert.deepEqual(tagsOfMode('fr-es'), { from: 'fr', to: 'es' })
  assert.deepEqual(tagsOfMode('spa-eng_US'), { from: 'es', to: 'en-US' })
  assert.deepEqual(tagsOfMode('es-pt_BR'), { from: 'es', to: 'pt-BR' })
  assert.deepEqual(tagsOfMode('eng-cat_valencia'), { from: 'en', to: 'ca-valencia' })
  assert.deepEqual(tagsOfMode('hbs-slv'), { from: 'sr-Latn', to: 'sl' })
  assert.deepEqual(tagsOfMode('nno-nob'), { from: 'nn', to: 'nb' })
  for (const other of ['eco-es-fr', 'eng-cat_iec2017', 'spa-spa', 'README', 'eng-cat_valencia_uni', 'x-y']) {
    assert.equal(tagsOfMode(other), undefined, other)
  }
})

test('[AP7] a mode file becomes programs that flush at NUL and mark no word; what else it might do is not run', () => {
  const stages = parseModeFile("lt-proc -w '/a/b.bin' | apertium-tagger -g $2 '/a/b.prob' | lt-proc $1 '/a/c.bin'\n")
  assert.deepEqual(stages, [
    { program: 'lt-proc', args: ['-z', '-w', '/a/b.bin'] },
    { program: 'apertium-tagger', args: ['-z', '-g', '/a/b.prob'] },
    { program: 'lt-proc', args: ['-z', '-n', '/a/c.bin'] },
  ])
  assert.equal(
    pipelineScript(stages ?? []),
    "lt-proc '-z' '-w' '/a/b.bin' | apertium-tagger '-z' '-g' '/a/b.prob' | lt-proc '-z' '-n' '/a/c.bin'",
  )
  for (const text of [
    '',
    'lt-proc; rm -rf /',
    "lt-proc '$(id)'",
    'gawk x',
    '../lt-proc x',
    "lt-proc 'a b'",
    'a | | b',
  ]) {
    assert.equal(parseModeFile(text), undefined, text)
  }
})

test('[AP3] a pair is done directly where it can, else through one language, the first in the alphabet', () => {
  const routes = new Routes(modes('eng-spa', 'spa-eng', 'spa-cat', 'eng-cat', 'cat-fra', 'spa-fra', 'fra-oci'))
  assert.deepEqual(routes.find('en', 'ca')?.via, [])
  assert.deepEqual(routes.find('en', 'fr')?.via, ['ca'])
  assert.deepEqual(
    routes.find('en', 'fr')?.hops.map(({ name }) => name),
    ['eng-cat', 'cat-fra'],
  )
  assert.equal(routes.find('en', 'oc'), undefined)
  assert.equal(routes.find('en', 'en'), undefined)
  const again = new Routes(modes('fra-oci', 'spa-fra', 'cat-fra', 'eng-cat', 'spa-cat', 'spa-eng', 'eng-spa'))
  assert.deepEqual(again.pairs, routes.pairs)
})

test('[AP3] a region is honoured where there is a mode for it, else it counts as its language', () => {
  const routes = new Routes(modes('spa-por', 'spa-por_BR', 'eng-spa'))
  const name = (from: string, to: string) => routes.find(from, to)?.hops.at(-1)?.name
  assert.equal(name('es-MX', 'pt-BR'), 'spa-por_BR')
  assert.equal(name('es', 'pt-PT'), 'spa-por')
  assert.equal(name('en-GB', 'pt-br'), 'spa-por_BR')
  assert.equal(name('ES', 'PT'), 'spa-por')
  assert.equal(name('not a tag', 'pt'), undefined)
  assert.deepEqual(routes.targets('en-US'), ['es', 'pt', 'pt-BR'])
  assert.equal(canonicalTag('spa'), 'es')
})
