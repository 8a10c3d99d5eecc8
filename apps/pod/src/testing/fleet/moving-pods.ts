// Two whole pods on sockets in one process, each with a worker of its own that a test drives, over a directory and a journal in memory whose time a
// test moves. A pod that is cut off hears nothing of the fleet and the fleet nothing of it: to the other it is dead.
import type { TestContext } from 'node:test'
import {
  type DirectoryRefusal,
  type FleetDirectory,
  type Journal,
  MemoryDirectory,
  MemoryJournal,
  SETTLE_MS,
} from '@parley/fleet'
import { Emitter, err, newId, systemClock } from '@parley/kernel'
import { eventually, ManualClock } from '@parley/kernel/testing'
import type { SessionCreated, Welcome } from '@parley/protocol'
import { silentLogger } from '@parley/telemetry'
import { composePod } from '../../compose.ts'
import { POD_LEASE_MS } from '../../fleet/pod-fleet.ts'
import type { Pod } from '../../pod.ts'
import { API_KEY, temporaryFolder, testConfig } from '../pod-harness.ts'
import { PCM16 } from '../sessions/session-harness.ts'
import { TestClient } from '../sessions/test-client.ts'
import { ManualWorker } from '../speech/manual-worker.ts'
import { TEST_SECRET } from '../speech/worker-process.ts'

const AWAY: DirectoryRefusal = { code: 'DIRECTORY_AWAY', message: 'cut off', retryAfterMs: 1_000 }

/** What one pod sees of what they share. */
class Line {
  isCut = false
  /** What is asked of the journal is answered when this resolves. */
  journalWaits: Promise<void> = Promise.resolve()
  readonly directory: FleetDirectory
  readonly journal: Journal
  readonly #states = new Emitter<{ state: FleetDirectory['state'] }>()

  constructor(directory: MemoryDirectory, journal: MemoryJournal) {
    const cutting = <Port extends object>(port: Port, own: Record<string | symbol, unknown> = {}): Port =>
      new Proxy(port, {
        get: (target, name) => {
          if (name in own) return own[name]
          const value: unknown = Reflect.get(target, name)
          if (typeof value !== 'function') return value
          if (name === 'watch') return value.bind(target)
          return async (...args: unknown[]) => (this.isCut ? err(AWAY) : value.apply(target, args))
        },
      })
    const onState = (listener: (state: FleetDirectory['state']) => void) => this.#states.on('state', listener)
    this.directory = cutting(directory as FleetDirectory, { onState })
    const recall: Journal['recall'] = async (sessionId) => {
      await this.journalWaits
      return this.isCut ? err(AWAY) : journal.recall(sessionId)
    }
    this.journal = cutting(journal as Journal, { recall })
  }

  cut(isCut: boolean): void {
    this.isCut = isCut
    if (!isCut) this.#states.emit('state', { kind: 'ready' })
  }
}

export interface MovingPod {
  readonly pod: Pod
  readonly line: Line
  readonly worker: ManualWorker
  readonly wsUrl: string
}

export interface OpenSession {
  readonly created: SessionCreated
  readonly client: TestClient
  readonly welcome: Welcome
}

export class MovingPods {
  readonly clock: ManualClock
  readonly directory: MemoryDirectory
  readonly journal: MemoryJournal
  readonly a: MovingPod
  readonly b: MovingPod

  private constructor(
    clock: ManualClock,
    directory: MemoryDirectory,
    journal: MemoryJournal,
    a: MovingPod,
    b: MovingPod,
  ) {
    this.clock = clock
    this.directory = directory
    this.journal = journal
    this.a = a
    this.b = b
  }

  static async start(t: TestContext, settings: Record<string, string> = {}, slots = 20): Promise<MovingPods> {
    const folder = await temporaryFolder(t)
    const clock = new ManualClock()
    const directory = new MemoryDirectory(clock)
    const journal = new MemoryJournal(clock, directory)
    // It has been there for a while: sessions it does not know are nobody's.
    clock.advance(SETTLE_MS)
    const start = async (index: number): Promise<MovingPod> => {
      const worker = await ManualWorker.start({ slots, workerId: `wrk_${index}` })
      t.after(() => worker.end())
      const line = new Line(directory, journal)
      const pod = await composePod({
        clock: systemClock,
        config: testConfig(folder, { 'udp.enabled': 'false', 'admin.port': '0', 'log.level': 'silent', ...settings }),
        podId: newId('pod'),
        fleetSecret: TEST_SECRET,
        logger: silentLogger,
        pageFolder: `${folder}/none-${index}`,
        fleetDirectory: { kind: 'redis', directory: line.directory, journal: line.journal },
      })
      t.after(() => pod.stop())
      pod.setWorkers([worker.address])
      return { pod, line, worker, wsUrl: `ws://127.0.0.1:${pod.port}/p/${pod.podId}/v1/ws` }
    }
    const [a, b] = [await start(0), await start(1)]
    const pair = new MovingPods(clock, directory, journal, a, b)
    await eventually(async () => {
      const members = await directory.members()
      const count = members.ok ? members.value.length : 0
      return count === 2 && [a, b].every(({ pod }) => pod.speech.status().ready) ? undefined : `${count} members`
    })
    return pair
  }

  /** A session on `a` with its client welcomed. */
  async open(): Promise<OpenSession> {
    const { a, b } = this
    await this.directory.drain(b.pod.podId, 60_000)
    const answer = await this.call(a.pod, '/v1/sessions', 'POST', {})
    const created = (await answer.json()) as SessionCreated
    await this.directory.undrain(b.pod.podId)
    const client = await TestClient.connect(created.url)
    client.send({ type: 'hello', token: created.ticket, audio: PCM16 })
    const welcome = await client.expect('welcome')
    await this.ownedBy(created.sessionId, a)
    return { created, client, welcome }
  }

  call(pod: Pod, path: string, method = 'GET', body?: object): Promise<Response> {
    const headers = { authorization: `Bearer ${API_KEY}`, ...(body ? { 'content-type': 'application/json' } : {}) }
    return fetch(`${pod.url}${path}`, { method, headers, ...(body ? { body: JSON.stringify(body) } : {}) })
  }

  async watchToken(pod: Pod, sessionId: string): Promise<string> {
    const answer = await this.call(pod, `/v1/sessions/${sessionId}/watch-links`, 'POST', {})
    return ((await answer.json()) as { token: string }).token
  }

  async ownedBy(sessionId: string, { pod }: MovingPod): Promise<void> {
    await eventually(async () => {
      const located = await this.directory.locate(sessionId)
      const found = located.ok ? located.value : undefined
      return found?.state === 'held' && found.memberId === pod.podId ? undefined : JSON.stringify(found)
    })
  }

  /** Until the journal has the session at `seq`. */
  async keptAt(sessionId: string, seq: number): Promise<void> {
    await eventually(async () => {
      const kept = await this.journal.recall(sessionId)
      const state = kept.ok && kept.value ? (JSON.parse(kept.value.state) as { seq: number }) : undefined
      return state?.seq === seq ? undefined : `kept at ${state?.seq}`
    })
  }

  /** `lost` is cut off and its lease passes; the other has reported in between. */
  async lose(lost: MovingPod, other: MovingPod): Promise<void> {
    lost.line.cut(true)
    for (let n = 0; n < 3; n++) {
      this.clock.advance(POD_LEASE_MS / 2)
      await eventually(async () => {
        const members = await this.directory.members()
        const age = members.ok && members.value.find(({ memberId }) => memberId === other.pod.podId)?.ageMs
        return age === 0 ? undefined : `${age} ms old`
      })
    }
  }

  /** A connection to `at` that says hello as the owner coming back. */
  async resume(at: MovingPod, { resumeToken }: Welcome, seen: { seq: number; mediaMs?: number }): Promise<TestClient> {
    const client = await TestClient.connect(at.wsUrl)
    client.send({ type: 'hello', token: resumeToken, audio: PCM16, resume: seen })
    return client
  }
}
