// A program for trying the recogniser by hand: node src/testing/try-recogniser.ts FILE.wav
// Speaks a WAV file into one stream at true pace and prints what comes back, with times. Not part of the product.
import { readFile } from 'node:fs/promises'
import { createResampler, parseWav } from '@parley/audio'
import { sleep, systemClock } from '@parley/kernel'
import { PocketSphinxRecogniser } from '../engines/pocketsphinx/pocketsphinx-recogniser.ts'
import { RECOGNISER_BLOCK_SAMPLES, RECOGNISER_RATE_HZ, type RecognitionListener } from '../recogniser.ts'

const BLOCK_MS = 20
const seconds = (ms: number): string => (ms / 1000).toFixed(2).padStart(7)

async function readSpeech(path: string): Promise<Int16Array> {
  const wav = parseWav(new Uint8Array(await readFile(path)))
  if (!wav.ok) throw new Error(wav.error.message)
  const resampler = await createResampler(wav.value.sampleRateHz, RECOGNISER_RATE_HZ)
  const samples = resampler.process(wav.value.samples)
  resampler.close()
  return samples
}

function printer(onFlushed: () => void): RecognitionListener {
  const startMs = systemClock.nowMs()
  const print = (line: string) => console.log(`${seconds(systemClock.nowMs() - startMs)}  ${line}`)
  return {
    onPartial({ text, stable }) {
      print(`  ${text.slice(0, stable)}|${text.slice(stable)}`)
    },
    onFinal({ index, text, startMs: from, endMs, decideMs }) {
      print(`#${index} ${seconds(from)}-${seconds(endMs)}  ${text}  (decided in ${decideMs.toFixed(0)} ms)`)
    },
    onAbandoned({ index, reason }) {
      print(`#${index} abandoned: ${reason}`)
    },
    onSettled() {},
    onFlushed,
    onFailed(message) {
      print(`failed: ${message}`)
      onFlushed()
    },
  }
}

async function main(path: string | undefined): Promise<void> {
  if (path === undefined) throw new Error('name a WAV file')
  const samples = await readSpeech(path)
  const recogniser = new PocketSphinxRecogniser({ clock: systemClock, slots: 1 })
  await recogniser.start()
  const flushed = Promise.withResolvers<void>()
  const opened = await recogniser.openStream({ language: 'en-US', firstIndex: 0 }, printer(flushed.resolve))
  if (!opened.ok) throw new Error(opened.error.message)
  const startMs = systemClock.nowMs()
  for (let at = 0; at < samples.length; at += RECOGNISER_BLOCK_SAMPLES) {
    const mediaMs = (at * 1000) / RECOGNISER_RATE_HZ
    await sleep(systemClock, startMs + mediaMs + BLOCK_MS - systemClock.nowMs())
    opened.value.push(mediaMs, samples.subarray(at, at + RECOGNISER_BLOCK_SAMPLES))
  }
  opened.value.flush(1)
  await flushed.promise
  await recogniser.close()
}

await main(process.argv[2])
