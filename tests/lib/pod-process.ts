// A whole pod as a process of its own, with a worker that a test would drive beside it, talked to over IPC: so that it can run on another host and be
// asked there what it knows.
import { newId, systemClock } from '@parley/kernel'
import type { SessionCreated } from '@parley/protocol'
import { silentLogger } from '@parley/telemetry'
import { composePod } from '../../apps/pod/src/compose.ts'
import type { Pod } from '../../apps/pod/src/pod.ts'
import { API_KEY, testConfig } from '../../apps/pod/src/testing/pod-harness.ts'
import { PCM16 } from '../../apps/pod/src/testing/sessions/session-harness.ts'
import { TestClient } from '../../apps/pod/src/testing/sessions/test-client.ts'
import { ManualWorker } from '../../apps/pod/src/testing/speech/manual-worker.ts'
import { TEST_SECRET } from '../../apps/pod/src/testing/speech/worker-process.ts'

export type PodRequest =
  | { readonly id: number; readonly type: 'start'; readonly folder: string; readonly settings: Record<string, string> }
  /** Asks this pod for sessions, connects to those it has itself and ends those that were opened elsewhere. */
  | { readonly id: number; readonly type: 'create'; readonly count: number }
  | { readonly id: number; readonly type: 'view' }
  | { readonly id: number; readonly type: 'stop' }

export interface PodView {
  readonly podId: string
  /** Of its membership. */
  readonly state: string
  /** Sessions it holds. */
  readonly sessions: readonly string[]
  /** Sockets of its own clients that are open. */
  readonly connected: number
}

let pod: Pod | undefined
let worker: ManualWorker | undefined
const clients: TestClient[] = []

async function start(folder: string, settings: Record<string, string>): Promise<string> {
  worker = await ManualWorker.start({ slots: 200 })
  pod = await composePod({
    clock: systemClock,
    config: testConfig(folder, { 'udp.enabled': 'false', 'admin.port': '0', 'log.level': 'silent', ...settings }),
    podId: newId('pod'),
    fleetSecret: TEST_SECRET,
    logger: silentLogger,
    pageFolder: `${folder}/none`,
  })
  pod.setWorkers([worker.address])
  return pod.podId
}

const headers = { authorization: `Bearer ${API_KEY}`, 'content-type': 'application/json' }

/** Status of each answer; the sessions it opens here are connected to. */
async function create({ url, podId }: Pod, count: number): Promise<readonly number[]> {
  const statuses: number[] = []
  for (let n = 0; n < count; n++) {
    const answer = await fetch(`${url}/v1/sessions`, { method: 'POST', headers, body: '{}' })
    statuses.push(answer.status)
    const created = (await answer.json()) as SessionCreated
    if (answer.status !== 201) continue
    if (!created.url.includes(podId)) {
      // Opened elsewhere: nobody here comes for it.
      const there = created.url.replace(/^ws/, 'http').replace(/\/p\/.*/, '')
      const { authorization } = headers
      await fetch(`${there}/v1/sessions/${created.sessionId}`, { method: 'DELETE', headers: { authorization } })
      continue
    }
    const client = await TestClient.connect(created.url)
    client.send({ type: 'hello', token: created.ticket, audio: PCM16 })
    await client.expect('welcome')
    clients.push(client)
  }
  return statuses
}

async function view(at: Pod): Promise<PodView> {
  const ask = async <T>(path: string) => (await (await fetch(`${at.adminUrl}${path}`)).json()) as T
  const { sessions } = await ask<{ sessions: { sessionId: string }[] }>('/admin/sessions')
  const { directory } = await ask<{ directory: { state: string } }>('/fleet')
  return {
    podId: at.podId,
    state: directory.state,
    sessions: sessions.map(({ sessionId }) => sessionId),
    connected: clients.filter(({ closed }) => closed === undefined).length,
  }
}

async function answer(request: PodRequest): Promise<unknown> {
  if (request.type === 'start') return start(request.folder, request.settings)
  if (!pod) throw new Error('the pod was not started')
  switch (request.type) {
    case 'create':
      return create(pod, request.count)
    case 'view':
      return view(pod)
    case 'stop':
      for (const client of clients) client.cut()
      await pod.stop()
      await worker?.end()
      return undefined
  }
}

process.on('message', (request: PodRequest) => {
  answer(request).then(
    (value) => process.send?.({ id: request.id, value }),
    (error: unknown) => process.send?.({ id: request.id, error: String(error) }),
  )
})
process.on('disconnect', () => process.exit(0))
