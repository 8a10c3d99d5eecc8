// A pod that stands still for longer than its lease and then goes on: two owners of one session there are never.
import assert from 'node:assert/strict'
import process from 'node:process'
import { test } from 'node:test'
import { SENTENCES } from '@parley/audio/testing'
import { createSession, type Resumed } from '@parley/client'
import { eventually } from '@parley/kernel/testing'
import { wordErrors, words } from '../../benchmarks/lib/stats.ts'
import { adminGet, startPlatform } from '../lib/platform.ts'
import { record, speak } from '../lib/speaker.ts'

interface Fleet {
  readonly members: readonly {
    readonly kind: string
    readonly id: string
    readonly state: string
    readonly sessions: number
  }[]
}

test('[RA3, RA5, CL118] a pod stopped past its lease and continued has let go of its session, which went on elsewhere without a word lost', async (t) => {
  let pid = 0
  let stage = 0
  const platform = await startPlatform([
    ...['--pods', '2', '--workers', '1'],
    ...['--set', 'speech.slotsPerWorker=4', '--set', 'worker.roles=recognise'],
  ])
  t.after(() => {
    if (stage === 1) process.kill(pid, 'SIGCONT')
    return platform.stop()
  })
  const pods = async (index: number): Promise<Fleet['members']> => {
    const adminUrl = platform.pods?.[index]?.adminUrl ?? ''
    return (await adminGet<Fleet>({ ...platform, adminUrl }, '/fleet')).members.filter(({ kind }) => kind === 'pod')
  }
  const within = { withinMs: 20_000, everyMs: 100 }
  await eventually(async () => ((await pods(0)).length === 2 ? undefined : 'one pod is missing'), within)
  const session = await createSession({ url: platform.pods?.[0]?.url ?? '', apiKey: platform.apiKey, user: 'u' })
  const resumed: Resumed[] = []
  const seqs: (number | undefined)[] = []
  session.on('resumed', (each) => resumed.push(each))
  session.on('caption', ({ kind, seq }) => kind === 'final' && seqs.push(seq))
  await session.connect()
  const port = URL.parse(session.welcome?.entryUrls[0] ?? '')?.port
  const stopped = platform.pods?.findIndex(({ url }) => URL.parse(url)?.port === port) ?? -1
  pid = platform.pods?.[stopped]?.pid ?? 0
  const sentences = SENTENCES.slice(0, 5)
  const { samples } = await record('slt', sentences)
  const { finals } = await speak(session, samples, (mediaMs) => {
    if (stage === 0 && mediaMs >= 1_500) {
      stage = 1
      process.kill(pid, 'SIGSTOP')
    } else if (stage === 1 && mediaMs >= 11_000) {
      stage = 2
      process.kill(pid, 'SIGCONT')
    }
  })
  assert.equal(stage, 2)
  assert.equal(resumed.length, 1)
  assert.ok((resumed[0]?.awayMs ?? 0) < 4_000, `${resumed[0]?.awayMs} ms after the silence was noticed`)
  const text = finals.map((final) => final.text).join(' ')
  const said = words(sentences.join(' '))
  assert.ok(wordErrors(said, words(text)) <= said.length * 0.25, text)
  assert.ok(
    seqs.every((seq, n) => n === 0 || (seq ?? 0) > (seqs[n - 1] ?? 0)),
    seqs.join(' '),
  )
  await eventually(async () => {
    const all = await pods(stopped)
    const serving = all.filter(({ state }) => state === 'serving')
    const sessions = serving.reduce((sum, each) => sum + each.sessions, 0)
    return serving.length === 2 && sessions === 1 ? undefined : JSON.stringify(all)
  }, within)
  const health = await adminGet<{ sessions: { active: number; suspended: number } }>(
    { ...platform, adminUrl: platform.pods?.[stopped]?.adminUrl ?? '' },
    '/health',
  )
  assert.deepEqual([health.sessions.active, health.sessions.suspended], [0, 0])
  await session.close()
})
