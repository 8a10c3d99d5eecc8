// The fleet as an operator handles it: looked at, drained while somebody speaks, with a worker that was started by hand.
import assert from 'node:assert/strict'
import type { AddressInfo } from 'node:net'
import { createServer } from 'node:net'
import { type TestContext, test } from 'node:test'
import { SENTENCES } from '@parley/audio/testing'
import { createSession } from '@parley/client'
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
  readonly url: string | null
  readonly sessions: number
  readonly slots: Readonly<Record<string, { readonly used: number; readonly total: number }>>
}

async function fleet(platform: Platform, ...args: string[]): Promise<unknown> {
  const { code, stdout, stderr } = await parley(['fleet', ...args, '--json', '--data-dir', platform.dataDir]).finished
  assert.equal(code, 0, stderr)
  return JSON.parse(stdout)
}

async function workers(platform: Platform): Promise<readonly Member[]> {
  const { members } = await adminGet<{ members: readonly Member[] }>(platform, '/fleet')
  assert.deepEqual([members[0]?.kind, members[0]?.pid], ['pod', platform.podPid])
  return members.filter(({ kind }) => kind === 'worker')
}

const untilWorkers = (platform: Platform, what: string, isSo: (all: readonly Member[]) => boolean) =>
  eventually(async () => (isSo(await workers(platform)) ? undefined : what), { withinMs: 60_000, everyMs: 200 })

/** Speaks five sentences; `meanwhile` runs when the second is under way. */
async function converse(platform: Platform, meanwhile: () => Promise<void>): Promise<Heard> {
  const { samples, sentences } = await record('slt', SENTENCES.slice(0, 5))
  const session = await createSession({ url: platform.url, apiKey: platform.apiKey, user: 'ann' })
  await session.connect()
  let acting: Promise<void> | undefined
  const heard = await speak(session, samples, (mediaMs) => {
    if (mediaMs >= (sentences[1]?.startMs ?? 0) + 500) acting ??= meanwhile()
  })
  await acting
  await session.close()
  return heard
}

function assertWhole({ finals, abandoned }: Heard): void {
  const text = finals.map((final) => final.text).join(' ')
  const said = words(SENTENCES.slice(0, 5).join(' '))
  assert.ok(wordErrors(said, words(text)) <= said.length * 0.2, text)
  assert.deepEqual(
    finals.map(({ index }) => index),
    finals.map((_final, n) => n),
  )
  assert.deepEqual(abandoned, [])
}

async function start(t: TestContext, ...args: string[]): Promise<Platform> {
  const platform = await startPlatform(['--set', 'speech.slotsPerWorker=2', '--set', 'worker.roles=recognise', ...args])
  t.after(() => platform.stop())
  return platform
}

test('[FTC3, PW3, UP13] a worker is drained while somebody speaks: the stream goes on elsewhere, and nobody notices', async (t) => {
  const platform = await start(t, '--workers', '2')
  await untilWorkers(platform, 'both ready', (all) => all.length === 2 && all.every(({ state }) => state === 'ready'))
  const told = (await fleet(platform, 'status')) as { members: readonly Member[] }
  assert.deepEqual(told.members.map(({ kind }) => kind).toSorted(), ['pod', 'worker', 'worker'])
  let drained = ''
  const heard = await converse(platform, async () => {
    const holder = (await workers(platform)).find(({ sessions }) => sessions === 1)
    assert.ok(holder)
    drained = holder.id
    const { member } = (await fleet(platform, 'drain', holder.name ?? '', '--within', '30s')) as { member: Member }
    assert.equal(member.state, 'draining')
    await untilWorkers(platform, 'handed over', (all) =>
      all.every(({ id, sessions }) => sessions === (id === holder.id ? 0 : 1)),
    )
  })
  assertWhole(heard)
  await fleet(platform, 'undrain', drained)
  await untilWorkers(platform, 'ready again', (all) => all.every(({ state }) => state === 'ready'))
})

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  await new Promise<void>((resolve) => server.close(() => resolve()))
  return port
}

test('[PW6, AM9] a worker started by hand is reached by its address, takes over from a drained one, and is missed when it dies', async (t) => {
  const port = await freePort()
  const url = `ws://127.0.0.1:${port}`
  const platform = await start(t, '--workers', '1', '--set', `speech.workerUrls=${url}`)
  await untilWorkers(platform, 'unreachable', (all) =>
    all.some(({ id, state }) => id === url && state === 'unreachable'),
  )
  const far = parley([
    'worker',
    '--port',
    String(port),
    '--slots',
    'recognise=2',
    '--json',
    '--data-dir',
    platform.dataDir,
  ])
  t.after(async () => {
    far.child.kill('SIGKILL')
    await far.finished
  })
  await untilWorkers(platform, 'two ready', (all) => all.filter(({ state }) => state === 'ready').length === 2)
  const heard = await converse(platform, async () => {
    await fleet(platform, 'drain', 'worker-1', '--within', '1s')
    await untilWorkers(platform, 'taken over', (all) => all.some((each) => each.url === url && each.sessions === 1))
  })
  assertWhole(heard)
  far.child.kill('SIGTERM')
  await far.finished
  await untilWorkers(platform, 'missed', (all) => all.some((each) => each.url === url && each.state === 'unreachable'))
  const lonely = await parley(['fleet', 'status', '--data-dir', platform.dataDir]).finished
  assert.match(lonely.stdout, /ECONNREFUSED/)
})
