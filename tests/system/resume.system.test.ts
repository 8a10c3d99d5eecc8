// One session through the death of its pod and through a drain, as an operator and a user see it: real processes, real speech, real Redis.
import assert from 'node:assert/strict'
import process from 'node:process'
import { test } from 'node:test'
import { SENTENCES } from '@parley/audio/testing'
import { createSession, type ParleySession, type Resumed, watch } from '@parley/client'
import { eventually } from '@parley/kernel/testing'
import { wordErrors, words } from '../../benchmarks/lib/stats.ts'
import { adminGet, parley, startPlatform } from '../lib/platform.ts'
import { record, speak } from '../lib/speaker.ts'

interface Fleet {
  readonly members: readonly {
    readonly kind: string
    readonly id: string
    readonly state: string
    readonly sessions: number
  }[]
}

const portOf = (url: string | undefined): string => URL.parse(url ?? '')?.port ?? ''

test('[RA2, HO1, HO2, CL117, CL118] a speaker loses one pod to kill -9 and the next to a drain, and no word', async (t) => {
  const platform = await startPlatform([
    ...['--pods', '2', '--workers', '1'],
    ...['--set', 'speech.slotsPerWorker=4', '--set', 'worker.roles=recognise'],
  ])
  t.after(() => platform.stop())
  const serving = async (): Promise<Fleet['members']> => {
    const { members } = await adminGet<Fleet>({ ...platform, adminUrl: platform.pods?.[1]?.adminUrl ?? '' }, '/fleet')
    return members.filter(({ kind, state }) => kind === 'pod' && state === 'serving')
  }
  await eventually(async () => ((await serving()).length === 2 ? undefined : 'one pod is missing'), {
    withinMs: 20_000,
    everyMs: 100,
  })
  const first = platform.pods?.[0]
  const session: ParleySession = await createSession({ url: first?.url ?? '', apiKey: platform.apiKey, user: 'u' })
  const resumed: Resumed[] = []
  session.on('resumed', (each) => resumed.push(each))
  const seqs: (number | undefined)[] = []
  session.on('caption', ({ kind, seq }) => kind === 'final' && seqs.push(seq))
  await session.connect()
  const watcher = watch(await session.createWatchLink())
  const watched: string[] = []
  watcher.on('caption', ({ kind, text }) => kind === 'final' && watched.push(text))
  const watcherStates: string[] = []
  watcher.on('state', (state) => watcherStates.push(JSON.stringify(state)))
  await watcher.connect()

  const sentences = SENTENCES.slice(0, 4)
  const { samples } = await record('slt', sentences)
  let stage = 0
  let drained: ReturnType<typeof parley> | undefined
  let killedPod = ''
  let drainedPod = ''
  const meanwhile = (mediaMs: number): void => {
    if (stage === 0 && mediaMs >= 1_500) {
      stage = 1
      killedPod = session.welcome?.podId ?? ''
      const port = portOf(session.welcome?.entryUrls[0])
      process.kill(platform.pods?.find(({ url }) => portOf(url) === port)?.pid ?? 0, 'SIGKILL')
    } else if (stage === 1 && resumed.length === 1 && mediaMs >= 7_000) {
      stage = 2
      drainedPod = session.welcome?.podId ?? ''
      drained = parley(['fleet', 'drain', drainedPod, '--data-dir', platform.dataDir])
    }
  }
  const { finals, abandoned } = await speak(session, samples, meanwhile)
  await drained?.finished
  await eventually(() => (resumed.length === 2 ? undefined : `${resumed.length} changes of pod`), { withinMs: 10_000 })
  const [lost, moved] = resumed as [Resumed, Resumed]
  // Killed, it may be back before its client has asked anywhere else; drained, nothing may come back to it.
  assert.equal(drainedPod, lost.movedTo ?? killedPod)
  assert.ok(moved.movedTo !== undefined && moved.movedTo !== drainedPod, JSON.stringify(resumed))
  assert.equal(lost.lostMs + moved.lostMs, 0)
  const text = finals.map((final) => final.text).join(' ')
  const said = words(sentences.join(' '))
  assert.ok(wordErrors(said, words(text)) <= said.length * 0.25, text)
  assert.ok(
    seqs.every((seq, n) => n === 0 || (seq ?? 0) > (seqs[n - 1] ?? 0)),
    seqs.join(' '),
  )
  assert.ok(abandoned.length <= 2, 'what was being said at a change of pod is void')
  await eventually(
    () => (watched.at(-1) === finals.at(-1)?.text ? undefined : `${watched.join(' | ')} ${watcherStates.join(' ')}`),
    {
      withinMs: 10_000,
    },
  )
  await watcher.close()
  await session.close()
})
