// Two whole pods on sockets in one process, over one directory in memory, with a worker that a test drives.
import assert from 'node:assert/strict'
import type { TestContext } from 'node:test'
import { MemoryDirectory } from '@parley/fleet'
import { newId, systemClock } from '@parley/kernel'
import { eventually } from '@parley/kernel/testing'
import type { SessionCreated } from '@parley/protocol'
import { silentLogger } from '@parley/telemetry'
import { composePod } from '../../compose.ts'
import type { Pod } from '../../pod.ts'
import { API_KEY, temporaryFolder, testConfig } from '../pod-harness.ts'
import { ManualWorker } from '../speech/manual-worker.ts'
import { TEST_SECRET } from '../speech/worker-process.ts'

export interface TwoPods {
  readonly pods: readonly [Pod, Pod]
  readonly directory: MemoryDirectory
  readonly worker: ManualWorker
}

export interface TwoPodsOptions {
  readonly seats?: number
  readonly settings?: Readonly<Record<string, string>>
  /** Each has a data directory of its own, as on two machines; they share one unless told. */
  readonly isApart?: boolean
}

/** Resolves when both are members and can recognise. Everything ends with the test. */
export async function startTwoPods(t: TestContext, options: TwoPodsOptions = {}): Promise<TwoPods> {
  // Before their folders are removed.
  const started: { stop(): Promise<void> }[] = []
  t.after(async () => void (await Promise.all(started.map((pod) => pod.stop()))))
  const shared = await temporaryFolder(t)
  const worker = await ManualWorker.start({ slots: 200 })
  const directory = new MemoryDirectory(systemClock)
  const start = async (index: number): Promise<Pod> => {
    const folder = options.isApart ? await temporaryFolder(t) : shared
    const settings = {
      'udp.enabled': 'false',
      'sessions.seats': String(options.seats ?? 20),
      'admin.port': '0',
      'limits.sessionsPerUser': '100',
      'log.level': 'silent',
      ...options.settings,
    }
    const pod = await composePod({
      clock: systemClock,
      config: testConfig(folder, settings),
      podId: newId('pod'),
      fleetSecret: TEST_SECRET,
      logger: silentLogger,
      pageFolder: `${folder}/none-${index}`,
      fleetDirectory: { kind: 'redis', directory },
    })
    started.push(pod)
    pod.setWorkers([worker.address])
    return pod
  }
  t.after(() => worker.end())
  const pods = [await start(0), await start(1)] as const
  await eventually(async () => {
    const answer = await directory.members()
    const count = answer.ok ? answer.value.length : 0
    return count === 2 && pods.every((pod) => pod.speech.status().ready) ? undefined : `${count} members`
  })
  return { pods, directory, worker }
}

/** A REST call with the tests' API key. */
export const call = (url: string, init: RequestInit = {}): Promise<Response> =>
  fetch(url, {
    ...init,
    headers: {
      authorization: `Bearer ${API_KEY}`,
      ...(init.body ? { 'content-type': 'application/json' } : {}),
      ...init.headers,
    },
  })
export const create = (pod: Pod, body: object = {}): Promise<Response> =>
  call(`${pod.url}/v1/sessions`, { method: 'POST', body: JSON.stringify(body) })
export const idOf = (created: SessionCreated): string => /\/p\/([^/]+)\//.exec(created.url)?.[1] ?? ''

/** A session on the second pod, asked for at the first. */
export async function onSecond({ pods: [a, b], directory }: TwoPods, body: object = {}): Promise<SessionCreated> {
  await directory.drain(a.podId, 60_000)
  const created = (await (await create(a, body)).json()) as SessionCreated
  await directory.undrain(a.podId)
  assert.equal(idOf(created), b.podId)
  return created
}
