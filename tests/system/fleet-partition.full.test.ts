// Two hosts, a cable between them that is cut for longer than a lease: pod A beside Redis, pod B alone on the other side.
import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { type TestContext, test } from 'node:test'
import { RedisDirectory } from '@parley/fleet/redis'
import { RedisServer, readyOf } from '@parley/fleet/testing'
import { Scope, systemClock, withDeadline } from '@parley/kernel'
import { eventually } from '@parley/kernel/testing'
import { NetworkNamespace } from '../lib/network-namespace.ts'
import type { PodRequest, PodView } from '../lib/pod-process.ts'

const FILE = new URL('../lib/pod-process.ts', import.meta.url).pathname
const SEATS = 12
const ANSWER_MS = 60_000
/** The directory's is 4 s; what follows a loss is to be over, too. */
const CUT_MS = 12_000

type Body<R> = R extends { readonly id: number } ? Omit<R, 'id'> : never

class PodProcess {
  readonly #child: ChildProcess
  readonly #waiting = new Map<number, { resolve(value: unknown): void; reject(error: Error): void }>()
  #requests = 0

  constructor(t: TestContext, prefix: readonly string[]) {
    const [program = '', ...args] = [...prefix, process.execPath, FILE]
    this.#child = spawn(program, args, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] })
    this.#child.on('message', ({ id, value, error }: { id: number; value?: unknown; error?: string }) => {
      const waiting = this.#waiting.get(id)
      this.#waiting.delete(id)
      if (error === undefined) waiting?.resolve(value)
      else waiting?.reject(new Error(error))
    })
    t.after(async () => {
      if (this.#child.exitCode !== null || this.#child.signalCode !== null) return
      const gone = once(this.#child, 'exit')
      this.#child.kill('SIGKILL')
      await gone
    })
  }

  ask<T>(body: Body<PodRequest>): Promise<T> {
    const id = ++this.#requests
    const answer = new Promise<unknown>((resolve, reject) => this.#waiting.set(id, { resolve, reject }))
    this.#child.send({ ...body, id })
    return withDeadline(systemClock, ANSWER_MS, `asking a pod to ${body.type}`, answer) as Promise<T>
  }

  view(): Promise<PodView> {
    return this.ask({ type: 'view' })
  }

  until(what: string, isSo: (view: PodView) => boolean): Promise<void> {
    return eventually(
      async () => {
        const view = await this.view()
        return isSo(view) ? undefined : `not ${what}: ${JSON.stringify(view)}`
      },
      { withinMs: 30_000, everyMs: 250 },
    )
  }
}

const namespace = await NetworkNamespace.make()
const skip = typeof namespace === 'string' ? namespace : false

async function start(t: TestContext, { here, there, prefix }: NetworkNamespace) {
  const folder = await mkdtemp(path.join(tmpdir(), 'parley-partition-'))
  const redis = await RedisServer.start({ password: 'of-the-test', hosts: [here] })
  const scope = new Scope(systemClock)
  const directory = new RedisDirectory({ clock: systemClock, scope, address: { url: redis.url } })
  t.after(async () => {
    await scope.close()
    await redis.stop()
    await rm(folder, { recursive: true, force: true })
  })
  await readyOf(directory)
  const startAt = async (host: string, where: readonly string[]): Promise<PodProcess> => {
    const pod = new PodProcess(t, where)
    const settings = {
      'server.host': host,
      'server.insecure': 'true',
      'fleet.host': host,
      'fleet.redisUrl': `redis://:of-the-test@${here}:${redis.port}`,
      'sessions.seats': String(SEATS),
      'limits.sessionsPerUser': '1000',
    }
    await pod.ask({ type: 'start', folder: path.join(folder, host), settings })
    await pod.until('a member', ({ state }) => state === 'member')
    return pod
  }
  return { a: await startAt(here, []), b: await startAt(there, prefix), directory }
}

test('[PF6, FD10, FD27] a pod that is cut off for longer than its lease admits within its rating, as does the other; healed, each session has one owner', {
  skip,
}, async (t) => {
  assert.ok(typeof namespace !== 'string')
  t.after(() => namespace.remove())
  const { a, b, directory } = await start(t, namespace)
  // Together, through either: what is asked of one may be opened by the other.
  await a.ask({ type: 'create', count: 4 })
  await b.ask({ type: 'create', count: 4 })
  const before = [await a.view(), await b.view()]
  for (const { sessions, connected } of before) {
    assert.ok(sessions.length > 0 && sessions.length === connected, JSON.stringify(before))
  }

  await namespace.cut()
  const cutAtMs = systemClock.nowMs()
  await b.until('cut off', ({ state }) => state !== 'member')
  const { podId } = await b.view()
  await eventually(
    async () => {
      const members = await directory.members()
      const state = members.ok ? members.value.find(({ memberId }) => memberId === podId)?.state : 'unknown'
      return state === 'lost' ? undefined : `B is ${state}`
    },
    { withinMs: 20_000 },
  )
  // Each side fills up, and says no to the rest.
  for (const pod of [a, b]) {
    const room = SEATS - (await pod.view()).sessions.length
    const statuses = await pod.ask<readonly number[]>({ type: 'create', count: SEATS })
    assert.equal(statuses.filter((status) => status === 201).length, room, JSON.stringify(statuses))
    assert.ok(statuses.every((status) => status === 201 || status === 503))
    assert.equal((await pod.view()).sessions.length, SEATS)
  }
  await new Promise((resolve) => setTimeout(resolve, Math.max(0, CUT_MS - (systemClock.nowMs() - cutAtMs))))

  await namespace.heal()
  const healedAtMs = systemClock.nowMs()
  for (const pod of [a, b]) await pod.until('a member', ({ state }) => state === 'member')
  const owned = async (): Promise<string | undefined> => {
    for (const { podId: owner, sessions } of [await a.view(), await b.view()]) {
      for (const sessionId of sessions) {
        const located = await directory.locate(sessionId)
        const found = located.ok ? located.value : undefined
        if (found?.memberId !== owner || found.state !== 'held')
          return `${sessionId} of ${owner}: ${JSON.stringify(found)}`
      }
    }
    return undefined
  }
  await eventually(owned, { withinMs: 30_000, everyMs: 250 })
  t.diagnostic(`healed ${Math.round(systemClock.nowMs() - healedAtMs)} ms after the cable was whole again`)
  const after = [await a.view(), await b.view()]
  const all = after.flatMap(({ sessions }) => sessions)
  assert.deepEqual([all.length, new Set(all).size], [2 * SEATS, 2 * SEATS])
  for (const [n, { sessions }] of before.entries()) {
    for (const sessionId of sessions) assert.ok(after[n]?.sessions.includes(sessionId), `${sessionId} was lost`)
  }
  for (const pod of [a, b]) await pod.ask({ type: 'stop' })
})
