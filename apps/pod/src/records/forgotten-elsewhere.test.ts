// Two whole pods with records in common: a user who is forgotten at one has no session at the other.
import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { MemoryDirectory } from '@parley/fleet'
import { newId, systemClock } from '@parley/kernel'
import { eventually } from '@parley/kernel/testing'
import type { SessionCreated } from '@parley/protocol'
import { silentLogger } from '@parley/telemetry'
import { composePod } from '../compose.ts'
import type { Pod } from '../pod.ts'
import { API_KEY, temporaryFolder, testConfig } from '../testing/pod-harness.ts'
import { PCM16 } from '../testing/sessions/session-harness.ts'
import { TestClient } from '../testing/sessions/test-client.ts'
import { ManualWorker } from '../testing/speech/manual-worker.ts'
import { TEST_SECRET } from '../testing/speech/worker-process.ts'

const headers = { authorization: `Bearer ${API_KEY}` }

async function connected({ url, podId }: Pod, user: string): Promise<TestClient> {
  const answer = await fetch(`${url}/v1/sessions`, {
    method: 'POST',
    headers: { ...headers, 'content-type': 'application/json' },
    body: JSON.stringify({ user }),
  })
  const created = (await answer.json()) as SessionCreated
  assert.ok(created.url.includes(podId))
  const client = await TestClient.connect(created.url)
  client.send({ type: 'hello', token: created.ticket, audio: PCM16 })
  await client.expect('welcome')
  return client
}

async function start(t: TestContext): Promise<readonly [Pod, Pod]> {
  const folder = await temporaryFolder(t)
  const worker = await ManualWorker.start({ slots: 20 })
  t.after(() => worker.end())
  const startPod = async (): Promise<Pod> => {
    const pod = await composePod({
      clock: systemClock,
      config: testConfig(folder, { 'udp.enabled': 'false', 'admin.port': '0', 'log.level': 'silent' }),
      podId: newId('pod'),
      fleetSecret: TEST_SECRET,
      logger: silentLogger,
      pageFolder: `${folder}/none`,
      // Each by itself: sessions stay at the pod that was asked.
      fleetDirectory: { kind: 'memory', directory: new MemoryDirectory(systemClock) },
    })
    t.after(() => pod.stop())
    pod.setWorkers([worker.address])
    await eventually(() => (pod.speech.status().ready ? undefined : 'no speech yet'))
    return pod
  }
  return [await startPod(), await startPod()]
}

test('[REC6] the sessions of a user who is forgotten end at every pod, those of others go on', async (t) => {
  const [one, other] = await start(t)
  const [here, there, somebody] = [
    await connected(one, 'ada'),
    await connected(other, 'ada'),
    await connected(other, 'bob'),
  ]
  // Two pods begin with one file at the same moment: until its tables are there the answer is 503, and the same request does the rest.
  await eventually(
    async () => {
      const answer = await fetch(`${one.url}/v1/users/ada`, { method: 'DELETE', headers })
      return answer.status === 200 ? undefined : await answer.text()
    },
    { withinMs: 20_000, everyMs: 200 },
  )
  for (const client of [here, there]) {
    await eventually(() => (client.closed ? undefined : 'still connected'), { withinMs: 20_000 })
  }
  assert.equal(somebody.closed, undefined)
  somebody.cut()
})
