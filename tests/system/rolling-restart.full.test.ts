// Every process of a platform started again while people come: somebody is let in at every moment, and all that was started before is another process after.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parleyApi } from '@parley/client'
import { adminGet, parley, startPlatform } from '../lib/platform.ts'

interface Member {
  readonly id: string
  readonly name?: string
  readonly kind: 'pod' | 'worker'
  readonly pid: number | null
  readonly state: string
}

const COME_EVERY_MS = 250

test('[FTC6, PF16] a rolling restart: new sessions are opened all the time, at whichever pod answers; ids of pods stay', async (t) => {
  const platform = await startPlatform([
    ...['--pods', '2', '--workers', '2'],
    ...[
      '--set',
      'speech.slotsPerWorker=200',
      '--set',
      'worker.roles=recognise',
      '--set',
      'limits.sessionsPerUser=1000',
    ],
  ])
  t.after(() => platform.stop())
  const members = async (): Promise<ReadonlyMap<string, Member>> => {
    const { members: all } = await adminGet<{ members: readonly Member[] }>(platform, '/fleet')
    return new Map(all.map((member) => [member.name ?? member.id, member]))
  }
  const before = await members()
  const apis = (platform.pods ?? []).map(({ url }) => parleyApi({ url, apiKey: platform.apiKey }))

  // Somebody comes four times a second, asks one pod and, when that does not answer or lets nobody in, the other; as behind a proxy.
  let isOver = false
  const outcomes: string[] = []
  const come = async (n: number): Promise<string> => {
    const reasons: string[] = []
    for (const api of [apis[n % 2], apis[(n + 1) % 2]]) {
      try {
        const created = await api?.createSession({ user: `user-${n}` })
        await api?.deleteSession(created?.sessionId ?? '').catch(() => {})
        return 'in'
      } catch (error) {
        reasons.push(String((error as { code?: string }).code ?? error))
      }
    }
    return reasons.join(' then ')
  }
  const coming = (async () => {
    for (let n = 0; !isOver; n++) {
      outcomes.push(await come(n))
      await new Promise((resolve) => setTimeout(resolve, COME_EVERY_MS))
    }
  })()
  const args = ['fleet', 'restart', '--rolling', '--force', '--within', '5s', '--data-dir', platform.dataDir]
  const { code, stdout, stderr } = await parley(args).finished
  isOver = true
  await coming
  assert.equal(code, 0, stderr)
  assert.match(stdout, /all 4 have been started again/)
  assert.deepEqual(
    outcomes.filter((outcome) => outcome !== 'in'),
    [],
    `${outcomes.length} came`,
  )
  const after = await members()
  for (const [name, { id, kind, pid }] of before) {
    const now = after.get(name)
    assert.notEqual(now?.pid, pid, name)
    assert.ok(['serving', 'ready'].includes(now?.state ?? ''), `${name} is ${now?.state}`)
    if (kind === 'pod') assert.equal(now?.id, id)
  }
  assert.equal((await platform.stop()).code, 0)
})
