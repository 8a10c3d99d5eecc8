// Several pods as an operator runs them: two pods, a Redis of their own and real speech, looked at, drained, and without Redis for a while.
import assert from 'node:assert/strict'
import process from 'node:process'
import { test } from 'node:test'
import { SENTENCES } from '@parley/audio/testing'
import { createSession, type ParleySession, parleyApi, watch } from '@parley/client'
import { eventually } from '@parley/kernel/testing'
import { wordErrors, words } from '../../benchmarks/lib/stats.ts'
import { adminGet, type Platform, parley, startPlatform } from '../lib/platform.ts'
import { type Heard, record, speak } from '../lib/speaker.ts'

interface Member {
  readonly id: string
  readonly kind: 'pod' | 'worker'
  readonly name?: string
  readonly pid: number | null
  readonly state: string
  readonly sessions: number
  readonly slots: Readonly<
    Record<string, { readonly used: number; readonly total: number; readonly reserved?: number }>
  >
  readonly headroom?: Readonly<Record<string, number>>
}
interface Fleet {
  readonly members: readonly Member[]
  readonly directory: { readonly directory: string; readonly state: string }
}

const podOf = (session: ParleySession): string => session.welcome?.podId ?? ''
const options = (platform: Platform, index = 0) => ({
  url: platform.pods?.[index]?.url ?? platform.url,
  apiKey: platform.apiKey,
})

async function pods(platform: Platform): Promise<readonly Member[]> {
  return (await adminGet<Fleet>(platform, '/fleet')).members.filter(({ kind }) => kind === 'pod')
}

const untilPods = (platform: Platform, what: string, isSo: (all: readonly Member[]) => boolean) =>
  eventually(
    async () => {
      const all = await pods(platform)
      return isSo(all) ? undefined : `${what}: ${JSON.stringify(all)}`
    },
    { withinMs: 30_000, everyMs: 200 },
  )

async function open(platform: Platform, index = 0): Promise<ParleySession> {
  const session = await createSession({ ...options(platform, index), user: `user-${index}` })
  await session.connect()
  return session
}

async function fleet(platform: Platform, ...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await parley(['fleet', ...args, '--data-dir', platform.dataDir]).finished
  assert.equal(code, 0, stderr)
  return stdout
}

function assertWhole({ finals, abandoned }: Heard, sentences: readonly string[]): void {
  const text = finals.map((final) => final.text).join(' ')
  const said = words(sentences.join(' '))
  assert.ok(wordErrors(said, words(text)) <= said.length * 0.25, text)
  assert.deepEqual(abandoned, [])
}

test('[PF3, PF6, PF8, PF11, PF16, UP14, UP15, UP16, UP17] two pods with Redis and PostgreSQL: captions on both, a wrong pod says where, a drained one gets nothing also when it is started again, and the servers may die', async (t) => {
  const platform = await startPlatform([
    ...['--pods', '2', '--workers', '1'],
    ...['--set', 'speech.slotsPerWorker=4', '--set', 'worker.roles=recognise', '--set', 'sessions.seats=20'],
  ])
  t.after(() => platform.stop())
  assert.equal(platform.pods?.length, 2)
  await untilPods(platform, 'both serve', (all) => all.length === 2 && all.every(({ state }) => state === 'serving'))
  const ids = (await pods(platform)).map(({ id }) => id)

  // Captions on both, asked for at one.
  const both = [await open(platform), await open(platform)]
  assert.deepEqual(both.map(podOf).sort(), [...ids].sort())
  const [one, other] = both as [ParleySession, ParleySession]
  assert.equal(one.welcome?.entryUrls.length, 2)
  const sentences = SENTENCES.slice(0, 3)
  const { samples } = await record('slt', sentences)

  // Redis dies under both, comes back by itself, and nobody hears of it.
  let hasDied = false
  const newcomers: Promise<ParleySession>[] = []
  const meanwhile = (mediaMs: number) => {
    if (hasDied || mediaMs < 2_000) return
    hasDied = true
    process.kill(platform.redis?.pid ?? 0, 'SIGKILL')
    // Whoever comes now is admitted all the same, on whichever pod is asked.
    newcomers.push(open(platform, 0), open(platform, 1))
  }
  const heard = await Promise.all([speak(one, samples, meanwhile), speak(other, samples)])
  for (const each of heard) assertWhole(each, sentences)
  const all = [...both, ...(await Promise.all(newcomers))]
  await untilPods(
    platform,
    'healed, and everybody known',
    (found) =>
      found.every(({ slots, sessions }) => slots.session?.used === sessions && slots.session.reserved === 0) &&
      found.reduce((sum, { sessions }) => sum + sessions, 0) === 4,
  )
  assert.match(platform.stderr(), /redis ended .*starting it again/)

  // The wrong pod says where; the client follows by itself.
  const api = parleyApi(options(platform, podOf(one) === ids[0] ? 1 : 0))
  await assert.rejects(api.getSession(one.sessionId), (error: { code?: string; location?: string }) => {
    assert.equal(error.code, 'WRONG_POD')
    assert.match(error.location ?? '', new RegExp(`/p/${podOf(one)}/v1/sessions/${one.sessionId}$`))
    return true
  })
  for (const session of both) assert.equal((await session.api.getSession(session.sessionId)).podId, podOf(session))
  const link = await other.api.createWatchLink(other.sessionId)
  const watcher = watch(link)
  await watcher.connect()
  assert.equal(watcher.welcome?.podId, podOf(other))
  await watcher.close()
  for (const session of all) await session.close()
  await untilPods(platform, 'all seats free', (found) => found.every(({ sessions }) => sessions === 0))

  // A drained pod gets no new sessions, by whichever pod they are asked for.
  assert.match(await fleet(platform, 'drain', 'pod-2', '--within', '60s'), /drains: no new sessions there/)
  const late = [await open(platform, 0), await open(platform, 1)]
  assert.deepEqual(new Set(late.map(podOf)), new Set([ids[0]]))
  const shown = await fleet(platform, 'status')
  assert.match(shown, /pod 2 .*draining, \d+ s left/)
  assert.match(shown, /session 2\/20 /)
  assert.match(shown, /loop \d+ cpu \d+ memory \d+ sockets \d+/)
  for (const session of late) await session.close()

  // A pod that dies is started again: the same member, and still drained.
  const second = (found: readonly Member[]) => found.find(({ name }) => name === 'pod 2')
  const pid = second(await pods(platform))?.pid ?? 0
  assert.equal(pid, platform.pods?.[1]?.pid)
  process.kill(pid, 'SIGKILL')
  await untilPods(platform, 'the second pod back and drained', (found) => {
    const member = second(found)
    return (
      member !== undefined && member.id === ids[1] && member.state === 'draining' && ![pid, null].includes(member.pid)
    )
  })
  await fleet(platform, 'undrain', 'pod-2')
  await untilPods(platform, 'both serve', (found) => found.every(({ state }) => state === 'serving'))

  // Asked to, it is ended and started again, and serves.
  const before = second(await pods(platform))?.pid
  assert.match(await fleet(platform, 'restart', 'pod-2'), /pod 2: is back \(process \d+\)/)
  const after = second(await pods(platform))
  assert.deepEqual([after?.id, after?.state, after?.pid === before], [ids[1], 'serving', false])

  // What was said is in the PostgreSQL that both share, also after it died.
  process.kill(platform.postgres?.pid ?? 0, 'SIGKILL')
  await eventually(() => (/PostgreSQL is back/.test(platform.stderr()) ? undefined : platform.stderr()), {
    withinMs: 30_000,
  })
  const { code, stdout, stderr } = await parley(['records', 'list', '--json', '--data-dir', platform.dataDir]).finished
  assert.equal(code, 0, stderr)
  const rows = (JSON.parse(stdout) as { sessions: readonly { sessionId: string; pod: string }[] }).sessions
  const podOfRow = (id: string) => rows.find(({ sessionId }) => sessionId === id)?.pod
  assert.deepEqual(
    both.map(({ sessionId }) => podOfRow(sessionId)),
    both.map(podOf),
  )
  assert.equal((await platform.stop()).code, 0)
})
