import assert from 'node:assert/strict'
import { test } from 'node:test'
import { engineOrder } from './engine-order.ts'

test('[WK40] the first line of a role that is about a language says who is asked; without one, whoever can', () => {
  const config: Parameters<typeof engineOrder>[0] = [
    { role: 'translate', engines: ['apertium'] },
    { role: 'recognise', languages: ['es', 'ca'], engines: ['deepgram'] },
    { role: 'recognise', engines: ['pocketsphinx', 'deepgram'] },
    { role: 'synthesise', languages: ['es'], engines: ['acme', 'espeak'] },
  ]
  const recognise = engineOrder(config, 'recognise')
  assert.deepEqual(recognise('es-MX'), ['deepgram'])
  assert.deepEqual(recognise('en'), ['pocketsphinx', 'deepgram'])
  const synthesise = engineOrder(config, 'synthesise')
  assert.deepEqual(synthesise('es'), ['acme', 'espeak'])
  assert.equal(synthesise('en'), undefined)
  assert.equal(engineOrder([], 'recognise')('en'), undefined)
})
