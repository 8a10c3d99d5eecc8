// A worker dies every ten seconds while four people speak at true pace for more than a minute each.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { test } from 'node:test'
import { SENTENCES, VOICES } from '@parley/audio/testing'
import { createSession } from '@parley/client'
import { wordErrors, words } from '../../benchmarks/lib/stats.ts'
import { type Platform, startPlatform } from '../lib/platform.ts'
import { record, speak } from '../lib/speaker.ts'

const KILL_EVERY_MS = 10_000
/** Undisturbed it is about 0.06; what a storm adds must not be lost sentences. */
const MAX_WORD_ERROR_RATIO = 0.2

/** Workers that run now: children of the supervisor that are neither the supervisor nor the pod. */
function workerPids(platform: Platform): number[] {
  const list = execFileSync('ps', ['-o', 'pid=', '--ppid', String(platform.pid)], { encoding: 'utf8' })
  return list
    .split('\n')
    .map((line) => Number(line.trim()))
    .filter((pid) => pid > 0 && pid !== platform.podPid)
}

test('[FO2] a storm of worker deaths loses no sentence and says none twice', async () => {
  const platform = await startPlatform(['--workers', '2'])
  let kills = 0
  const storm = setInterval(() => {
    const pids = workerPids(platform)
    const victim = pids[kills % Math.max(1, pids.length)]
    if (victim === undefined) return
    process.kill(victim, 'SIGKILL')
    kills++
  }, KILL_EVERY_MS)
  try {
    const speakers = VOICES.map(async (voice, index) => {
      const sentences = SENTENCES.slice(index, index + 16)
      const { samples } = await record(voice, sentences)
      const session = await createSession({ url: platform.url, apiKey: platform.apiKey, user: voice })
      await session.connect()
      const heard = await speak(session, samples)
      await session.close()
      return { voice, sentences, heard }
    })
    for (const { voice, sentences, heard } of await Promise.all(speakers)) {
      const said = words(sentences.join(' '))
      const text = heard.finals.map((final) => final.text).join(' ')
      const errors = wordErrors(said, words(text))
      assert.ok(
        errors <= said.length * MAX_WORD_ERROR_RATIO,
        `${voice}: ${errors} errors in ${said.length} words: ${text}`,
      )
      const indices = heard.finals.map((final) => final.index)
      assert.equal(new Set(indices).size, indices.length, `${voice}: an utterance had two finals`)
      for (const [place, final] of heard.finals.entries()) {
        const before = heard.finals[place - 1]
        assert.ok(
          !before || final.startMs >= before.endMs - 20,
          `${voice}: utterance ${final.index} overlaps the one before`,
        )
      }
    }
    assert.ok(kills >= 3, `only ${kills} kills`)
  } finally {
    clearInterval(storm)
    await platform.stop()
  }
})
