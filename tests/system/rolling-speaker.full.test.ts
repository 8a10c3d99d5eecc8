// Somebody speaks while every pod of the platform is started again, one after the other.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { SENTENCES } from '@parley/audio/testing'
import { createSession, type Resumed } from '@parley/client'
import { eventually } from '@parley/kernel/testing'
import { wordErrors, words } from '../../benchmarks/lib/stats.ts'
import { adminGet, parley, startPlatform } from '../lib/platform.ts'
import { record, speak } from '../lib/speaker.ts'

interface Fleet {
  readonly members: readonly { readonly kind: string; readonly state: string }[]
}

test('[HO1, HO2, FTC6] a speaker through a restart of both pods: every word, and the session is never ended', async (t) => {
  const platform = await startPlatform([
    ...['--pods', '2', '--workers', '1'],
    ...['--set', 'speech.slotsPerWorker=4', '--set', 'worker.roles=recognise'],
  ])
  t.after(() => platform.stop())
  const servingPods = async (): Promise<number> => {
    const { members } = await adminGet<Fleet>(platform, '/fleet')
    return members.filter(({ kind, state }) => kind === 'pod' && state === 'serving').length
  }
  await eventually(async () => ((await servingPods()) === 2 ? undefined : 'one pod is missing'), { withinMs: 20_000 })
  const session = await createSession({ url: platform.url, apiKey: platform.apiKey, user: 'u' })
  const resumed: Resumed[] = []
  session.on('resumed', (each) => resumed.push(each))
  await session.connect()
  const sentences = SENTENCES.slice(0, 8)
  const { samples } = await record('slt', sentences)
  let restarting: Promise<string> | undefined
  const restart = async (): Promise<string> => {
    for (const pod of ['pod-1', 'pod-2']) {
      const args = ['fleet', 'restart', pod, '--within', '20s', '--data-dir', platform.dataDir]
      const { code, stderr } = await parley(args).finished
      if (code !== 0) return stderr
    }
    return ''
  }
  const { finals } = await speak(session, samples, (mediaMs) => {
    if (mediaMs >= 1_500) restarting ??= restart()
  })
  assert.equal(await restarting, '')
  const text = finals.map((final) => final.text).join(' ')
  const said = words(sentences.join(' '))
  assert.ok(wordErrors(said, words(text)) <= said.length * 0.25, text)
  assert.ok(
    resumed.length >= 1 && resumed.every(({ awayMs, lostMs }) => awayMs < 1_000 && lostMs === 0),
    JSON.stringify(resumed),
  )
  await session.close()
})
