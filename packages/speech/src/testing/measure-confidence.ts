// What the probability of a word is worth: node src/testing/measure-confidence.ts. Speaks the test sentences, quiet and noisy, to the recogniser
// and prints how often words of each band of probability were right. A minute and a half of CPU. Not part of the product.
import { concat, SENTENCES, silence, synthesise, VOICES, withNoise } from '@parley/audio/testing'
import { systemClock } from '@parley/kernel'
import { PocketSphinxRecogniser } from '../engines/pocketsphinx/pocketsphinx-recogniser.ts'
import { ListenerLog } from './listener-log.ts'
import { flushed, say } from './recogniser-contract.ts'

const ROOMS_DB = [undefined, 28, 22, 16]
const BANDS = [0, 0.2, 0.4, 0.6, 0.8, 0.9, 0.99, 1.000_001]

/** For each of `heard`, whether it is a word of `said` in a best alignment (least insertions, deletions, substitutions). */
function rightWords(said: readonly string[], heard: readonly string[]): boolean[] {
  const cost = Array.from({ length: said.length + 1 }, (_, i) =>
    heard
      .map(() => 0)
      .concat(0)
      .map((_, j) => i + j),
  )
  const at = (i: number, j: number) => cost[i]?.[j] ?? Number.POSITIVE_INFINITY
  const changed = (i: number, j: number) => (said[i - 1] === heard[j - 1] ? 0 : 1)
  for (let i = 1; i <= said.length; i++) {
    for (let j = 1; j <= heard.length; j++) {
      const best = Math.min(at(i - 1, j) + 1, at(i, j - 1) + 1, at(i - 1, j - 1) + changed(i, j))
      ;(cost[i] as number[])[j] = best
    }
  }
  const isRight = heard.map(() => false)
  for (let i = said.length, j = heard.length; i > 0 && j > 0; ) {
    if (at(i, j) === at(i - 1, j - 1) + changed(i, j)) {
      isRight[j - 1] = changed(i, j) === 0
      i--
      j--
    } else if (at(i, j) === at(i - 1, j) + 1) i--
    else j--
  }
  return isRight
}

const recogniser = new PocketSphinxRecogniser({ clock: systemClock, slots: 1 })
await recogniser.start()
const words: { readonly confidence: number; readonly isRight: boolean }[] = []
for (const [room, noiseDb] of ROOMS_DB.entries()) {
  for (const [number, sentence] of SENTENCES.entries()) {
    if (number % ROOMS_DB.length !== room) continue
    for (const voice of VOICES) {
      const spoken = concat(silence(400), await synthesise(sentence, voice), silence(400))
      const log = new ListenerLog()
      const opened = await recogniser.openStream({ language: 'en', firstIndex: 0, wantsWords: true }, log)
      if (!opened.ok) throw new Error(opened.error.message)
      say(opened.value, noiseDb === undefined ? spoken : withNoise(spoken, noiseDb, number + 1))
      opened.value.flush(1)
      await flushed(log, 1)
      await opened.value.close()
      const heard = log.finals.flatMap((final) => final.words ?? [])
      const bare = heard.map(({ text }) => text.toLowerCase().replace(/[.?]$/, ''))
      const right = rightWords(sentence.split(' '), bare)
      for (const [at, { confidence = 0 }] of heard.entries()) words.push({ confidence, isRight: right[at] ?? false })
    }
  }
}
await recogniser.close()
const share = (some: readonly unknown[], all: readonly unknown[]) => ((100 * some.length) / all.length).toFixed(0)
for (const [index, from] of BANDS.slice(0, -1).entries()) {
  const to = BANDS[index + 1] as number
  const band = words.filter(({ confidence }) => confidence >= from && confidence < to)
  const right = band.filter(({ isRight }) => isRight)
  console.log(`${from} to ${to.toFixed(2)}: ${String(band.length).padStart(4)} words, ${share(right, band)} % right`)
}
console.log(
  `${words.length} words, ${share(
    words.filter(({ isRight }) => isRight),
    words,
  )} % right`,
)
