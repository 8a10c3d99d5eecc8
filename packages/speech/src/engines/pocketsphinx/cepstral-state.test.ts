import assert from 'node:assert/strict'
import { test } from 'node:test'
import { CEPSTRUM_LENGTH, locateCepstralMean, packSpeaker, type SpeakerState, unpackSpeaker } from './cepstral-state.ts'
import type { FeatureFields, PocketSphinxLibrary, Pointer } from './library.ts'

const state: SpeakerState = {
  floorDbfs: Math.fround(-51.37),
  cepstrum: {
    mean: Float32Array.from({ length: CEPSTRUM_LENGTH }, (_, at) => Math.PI * at - 7),
    sum: Float32Array.from({ length: CEPSTRUM_LENGTH }, (_, at) => Math.E * 1_000 * at),
    frames: 314,
  },
}

test('[UT7] the state of a speaker survives packing to the last bit', () => {
  assert.deepEqual(unpackSpeaker(packSpeaker(state)), state)
  assert.ok(packSpeaker(state).data.length < 200)
})

test('[UT7] the state of another engine and a damaged one are left aside', () => {
  const { engine, data } = packSpeaker(state)
  const bytes = Buffer.from(data, 'base64')
  const damaged = (change: (copy: Buffer) => void) => {
    const copy = Buffer.from(bytes)
    change(copy)
    return { engine, data: copy.toString('base64') }
  }
  for (const adaptation of [
    undefined,
    { engine: 'other', data },
    { engine, data: '' },
    { engine, data: 'not base64 at all!' },
    { engine, data: data.slice(0, -8) },
    damaged((copy) => copy.writeUInt32LE(9, 0)),
    damaged((copy) => copy.writeInt32LE(-1, 4)),
    damaged((copy) => copy.writeFloatLE(Number.NaN, 12)),
    damaged((copy) => copy.writeFloatLE(Number.POSITIVE_INFINITY, 60)),
  ]) {
    assert.equal(unpackSpeaker(adaptation), undefined)
  }
})

const at = (address: bigint) => address as Pointer
const FIELDS: FeatureFields = { cepsize: 13, windowSize: 3, cmnKind: 1, varnorm: 0, agcKind: 0, cmn: at(64n) }

/** A library whose memory lies as `fields` say; `follow` counts the pointers it is asked to follow. */
function library(fields: FeatureFields, vectorLength = 13, framesAfterSet = 500) {
  let followed = 0
  const floats = new Map<Pointer, Float32Array>()
  let frames = 0
  const fake: Partial<PocketSphinxLibrary> = {
    features: () => at(8n),
    readFeatures: () => fields,
    readCepstralMean() {
      followed++
      return { mean: at(100n), sum: at(200n), frames, vectorLength }
    },
    setLiveMean(_cmn, mean) {
      floats.set(at(100n), mean.slice())
      floats.set(
        at(200n),
        mean.map((value) => value * 500),
      )
      frames = framesAfterSet
    },
    readFloats: (pointer, length) => (floats.get(pointer) ?? new Float32Array(length)).slice(),
    writeFloats: (pointer, values) => void floats.set(pointer, values.slice()),
    writeFrames(_cmn, count) {
      frames = count
    },
  }
  return { library: fake as PocketSphinxLibrary, followed: () => followed }
}

test('[PS6] the mean is used when the library writes it where we read', () => {
  const mean = locateCepstralMean(library(FIELDS).library, at(1n))
  assert.ok(mean)
  mean.write(state.cepstrum)
  assert.deepEqual(mean.read(), state.cepstrum)
})

test('[PS6] a layout that does not fit is noticed before any pointer is followed, or by what is read back', () => {
  for (const wrong of [
    { cepsize: 0 },
    { windowSize: 77_201 },
    { cmnKind: 0 },
    { cmnKind: 9 },
    { varnorm: 3 },
    { agcKind: 1 },
    { cmn: null },
  ]) {
    const { library: fake, followed } = library({ ...FIELDS, ...wrong })
    assert.equal(locateCepstralMean(fake, at(1n)), undefined)
    assert.equal(followed(), 0)
  }
  assert.equal(locateCepstralMean(library(FIELDS, 12).library, at(1n)), undefined)
  assert.equal(locateCepstralMean(library(FIELDS, 13, 0).library, at(1n)), undefined)
})
