// The first thing Parley does for anyone, with real speech, real processes and real sockets.
import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import path from 'node:path'
import { after, before, test } from 'node:test'
import { SENTENCES, VOICES } from '@parley/audio/testing'
import { watch } from '@parley/client'
import { PATIENCE } from '@parley/kernel/testing'
import { wordErrors, words } from '../../benchmarks/lib/stats.ts'
import { type Platform, parley, ROOT, startPlatform } from '../lib/platform.ts'
import { createSessionWhenRoom, record, speak, warmUp } from '../lib/speaker.ts'

let platform: Platform

before(async () => {
  // Told, not measured: eight speak at once, and what a worker measures of a machine that is busy at its start may be less.
  platform = await startPlatform(['--workers', '1', '--set', 'speech.slotsPerWorker=8'])
  await warmUp(platform, 8)
})
after(async () => {
  const { code, tookMs } = await platform.stop()
  assert.equal(code, 0)
  assert.ok(tookMs < 5_000 * PATIENCE, `took ${tookMs} ms to stop`)
})

interface Line {
  readonly type: string
  readonly utterance?: number
  readonly text?: string
  readonly lagMs?: number
}

const caption = (args: readonly string[], input?: Uint8Array) =>
  parley(['caption', ...args, '--url', platform.url, '--key', platform.apiKey], input ? { input } : {})

const said =
  'hello and welcome to this short test every word you hear is written on the screen this is the end of the sample'

function assertHeard(heard: string, wanted: string, errorRatio: number): void {
  const expected = words(wanted)
  const errors = wordErrors(expected, words(heard))
  assert.ok(errors <= expected.length * errorRatio, `${errors} errors in ${expected.length} words: ${heard}`)
}

test('a file becomes captions on the command line, one JSON object per line', async () => {
  const { code, stdout, stderr } = await caption([path.join(ROOT, 'samples/hello.wav'), '--json']).finished
  assert.equal(code, 0, stderr)
  const lines = stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Line)
  const finals = lines.filter((line) => line.type === 'final')
  assertHeard(finals.map((line) => line.text).join(' '), said, 0.2)
  assert.ok(lines.filter((line) => line.type === 'partial').length > finals.length)
  for (const final of finals) assert.equal(typeof final.lagMs, 'number')
  assert.equal(lines.at(-1)?.type, 'summary')
})

test('raw samples on standard input become captions; a pipe gets only finals', async () => {
  const wav = await readFile(path.join(ROOT, 'samples/hello.wav'))
  const { code, stdout, stderr } = await caption(['-', '--rate', '16000', '--codec', 'opus'], wav.subarray(44)).finished
  assert.equal(code, 0, stderr)
  assertHeard(stdout, said, 0.25)
})

test('[IS1] eight sessions speak at once, and never a word of one is in another', async () => {
  const status = (await (await fetch(new URL('/health', platform.url))).json()) as { status: string }
  assert.equal(status.status, 'ok')
  const tasks = Array.from({ length: 8 }, async (_, index) => {
    const sentences = [SENTENCES[index * 2] as string, SENTENCES[index * 2 + 1] as string]
    const { samples } = await record(VOICES[index % VOICES.length] ?? 'slt', sentences)
    const session = await createSessionWhenRoom({
      url: platform.url,
      apiKey: platform.apiKey,
      user: `speaker-${index}`,
    })
    await session.connect()
    const heard = await speak(session, samples)
    await session.close()
    return { own: words(sentences.join(' ')), heard: words(heard.finals.map((final) => final.text).join(' ')), index }
  })
  const results = await Promise.all(tasks)
  for (const { own, heard, index } of results) {
    const errors = wordErrors(own, heard)
    assert.ok(
      errors <= own.length * 0.35,
      `session ${index}: ${errors} errors in ${own.length} words: ${heard.join(' ')}`,
    )
    const foreign = results.filter((other) => other.index !== index).flatMap((other) => other.own)
    const longForeign = heard.filter((word) => word.length > 5 && foreign.includes(word) && !own.includes(word))
    assert.deepEqual(longForeign, [], `session ${index} heard words of another`)
  }
})

test('[WT1] a watcher on a second screen sees the same finals in the same order', async () => {
  const { samples } = await record('slt', SENTENCES.slice(3, 5))
  const session = await createSessionWhenRoom({ url: platform.url, apiKey: platform.apiKey })
  await session.connect()
  const link = await session.createWatchLink()
  const watcher = watch({ url: link.url, token: link.token })
  const seen: string[] = []
  watcher.on('caption', (message) => {
    if (message.kind === 'final') seen.push(message.text)
  })
  await watcher.connect()
  const heard = await speak(session, samples)
  await session.close()
  assert.deepEqual(
    seen,
    heard.finals.map((final) => final.text),
  )
  assert.ok(seen.length >= 2)
})

test('[FO1] kill -9 of every worker in mid-sentence: healed, no word lost, no word said twice', async () => {
  const sentences = SENTENCES.slice(5, 9)
  const { samples, sentences: spoken } = await record('slt', sentences)
  const session = await createSessionWhenRoom({ url: platform.url, apiKey: platform.apiKey })
  await session.connect()
  const killAtMs = ((spoken[1]?.startMs ?? 0) + (spoken[1]?.endMs ?? 0)) / 2
  let killed = false
  const heard = await speak(session, samples, (mediaMs) => {
    if (killed || mediaMs < killAtMs) return
    killed = true
    for (const pid of platform.workerPids) process.kill(pid, 'SIGKILL')
  })
  await session.close()
  assert.equal(killed, true)
  assertHeard(heard.finals.map((final) => final.text).join(' '), sentences.join(' '), 0.25)
  const indices = heard.finals.map((final) => final.index)
  assert.deepEqual(
    indices,
    indices.toSorted((a, b) => a - b),
  )
  assert.equal(new Set(indices).size, indices.length)
})
