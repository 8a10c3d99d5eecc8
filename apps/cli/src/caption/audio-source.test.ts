import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { Readable } from 'node:stream'
import { after, before, test } from 'node:test'
import { encodeWav } from '@parley/audio'
import { type AudioSource, openAudioSource } from './audio-source.ts'

let folder: string
before(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'parley-source-'))
})
after(() => rm(folder, { recursive: true, force: true }))

const ramp = (length: number): Int16Array => Int16Array.from({ length }, (_, index) => index % 30_000)

async function all(source: AudioSource): Promise<number[]> {
  const samples: number[] = []
  for await (const piece of source.samples()) samples.push(...piece)
  return samples
}

async function* inPieces(bytes: Uint8Array, length: number): AsyncGenerator<Buffer> {
  for (let at = 0; at < bytes.byteLength; at += length) yield Buffer.from(bytes.subarray(at, at + length))
}

const warnings: string[] = []
const open = (file: string, stdin: Readable & { isTTY?: boolean } = Readable.from([]), rateHz?: number) =>
  openAudioSource({ file, rateHz, stdin, warn: (text) => warnings.push(text) })

test('[CC30] a WAV file gives its samples and its rate', async () => {
  const file = path.join(folder, 'ramp.wav')
  await writeFile(file, encodeWav(ramp(100_000), 22_050))
  const source = await open(file)
  assert.deepEqual([source.sampleRateHz, source.isLive], [22_050, false])
  assert.deepEqual(await all(source), [...ramp(100_000)])
  assert.equal(source.isCutShort(), false)
})

test('[CC30] a WAV on standard input is known by its header, however the bytes come', async () => {
  for (const length of [1, 7, 64_000]) {
    const source = await open('-', Readable.from(inPieces(encodeWav(ramp(500), 8_000), length)))
    assert.deepEqual([source.sampleRateHz, source.isLive], [8_000, true])
    assert.deepEqual(await all(source), [...ramp(500)])
  }
  warnings.length = 0
  await all(await open('-', Readable.from(inPieces(encodeWav(ramp(5), 8_000), 99)), 16_000))
  assert.match(warnings.join(), /--rate 16000 is ignored.*8000 Hz/)
})

test('[CC30] raw samples have the rate that was said; an odd byte at the end is left out', async () => {
  const bytes = new Uint8Array(Buffer.concat([new Uint8Array(ramp(700).buffer), Buffer.from([1])]))
  const source = await open('-', Readable.from(inPieces(bytes, 333)), 44_100)
  assert.equal(source.sampleRateHz, 44_100)
  assert.deepEqual(await all(source), [...ramp(700)])
})

test('[CC31] a file cut short gives what is there, and says so', async () => {
  const file = path.join(folder, 'cut.wav')
  await writeFile(file, encodeWav(ramp(1_000), 16_000).subarray(0, 44 + 500))
  const source = await open(file)
  assert.equal((await all(source)).length, 250)
  assert.equal(source.isCutShort(), true)
})

test('[CC31] what cannot be used is refused with what to do instead', async () => {
  const text = path.join(folder, 'words.txt')
  await writeFile(text, 'these are words, not sound')
  await assert.rejects(open(path.join(folder, 'none.wav')), { exitCode: 2, message: /there is no such file/ })
  await assert.rejects(open(folder), { exitCode: 2, message: /is a directory/ })
  await assert.rejects(open(text), { exitCode: 2, message: /not a WAV file.*--rate HZ < FILE/ })
  await assert.rejects(open('-', Readable.from([])), { exitCode: 2, message: /ended before any audio/ })
  await assert.rejects(open('-', Readable.from([Buffer.alloc(100)])), { exitCode: 2, message: /say their rate/ })
  const terminal = Object.assign(Readable.from([]), { isTTY: true })
  await assert.rejects(open('-', terminal), { exitCode: 2, message: /is a terminal; pipe speech into it/ })
})
