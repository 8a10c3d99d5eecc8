// A whole pod with one session over WebSocket and a worker that a test drives: does every stage see what passes through it?
import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { newId, systemClock } from '@parley/kernel'
import { eventually } from '@parley/kernel/testing'
import { encodeAudioFrame, type SessionCreated } from '@parley/protocol'
import { SPAN, type SpanName, StageClock, silentLogger } from '@parley/telemetry'
import { WebSocket } from 'ws'
import { composePod } from './compose.ts'
import { API_KEY, temporaryFolder, testConfig } from './testing/pod-harness.ts'
import { partialOf } from './testing/speech/links-rig.ts'
import { ManualWorker } from './testing/speech/manual-worker.ts'
import { TEST_SECRET } from './testing/speech/worker-process.ts'

async function startPod(t: TestContext, stages: StageClock) {
  const folder = await temporaryFolder(t)
  const worker = await ManualWorker.start()
  const pod = await composePod({
    clock: systemClock,
    config: testConfig(folder, { 'udp.enabled': 'false' }),
    podId: newId('pod'),
    fleetSecret: TEST_SECRET,
    logger: silentLogger,
    stages,
    pageFolder: folder,
  })
  t.after(async () => {
    await pod.stop()
    await worker.end()
  })
  pod.setWorkers([worker.address])
  await eventually(() => (pod.speech.status().ready ? undefined : 'no speech'))
  return { pod, worker }
}

async function speak(url: string): Promise<WebSocket> {
  const headers = { authorization: `Bearer ${API_KEY}`, 'content-type': 'application/json' }
  const response = await fetch(`${url}/v1/sessions`, { method: 'POST', headers, body: '{}' })
  const created = (await response.json()) as SessionCreated
  const socket = new WebSocket(created.url, 'parley.v1')
  await new Promise((resolve) => socket.once('open', resolve))
  const audio = { codec: 'pcm16', sampleRateHz: 16_000, frameMs: 20 }
  socket.send(JSON.stringify({ type: 'hello', token: created.ticket, audio }))
  await new Promise((resolve) => socket.once('message', resolve))
  return socket
}

test('[AM8] frames, captions, messages and requests are counted by the stage they pass, and every span ends', async (t) => {
  const stages = new StageClock()
  const { pod, worker } = await startPod(t, stages)
  const socket = await speak(pod.url)
  t.after(() => socket.terminate())
  const entered = (name: SpanName) => stages.totals().entered[SPAN[name]] as number
  const sentBefore = entered('wsOut')
  for (let seq = 0; seq < 5; seq++) socket.send(encodeAudioFrame(seq, seq * 320, new Uint8Array(640)))
  await eventually(() => (worker.records.length === 5 ? undefined : `${worker.records.length} of 5 frames`))
  worker.send(partialOf(worker.opens()[0]?.stream ?? 0, 0, 100))
  await eventually(() => (entered('fanOut') > 0 ? undefined : 'no caption was passed on'))
  assert.equal(entered('linkKeep'), 5)
  assert.ok(entered('wsIn') >= 6, 'the hello and five frames')
  assert.ok(entered('wsOut') > sentBefore)
  assert.ok(entered('http') >= 1 && entered('json') >= 3 && entered('linkIn') >= 3 && entered('linkOut') >= 2)
  assert.ok((stages.totals().items[SPAN.linkOut] as number) > 3, 'KiB of audio')
  await eventually(() =>
    pod.health().stages.usPerSessionSecond === null ? 'no second with the session is over' : undefined,
  )
  const { stages: report } = pod.health()
  assert.ok(report.byStage['ws-in'].eventsPerSecond > 0 && report.byStage['ws-in'].usPerSessionSecond !== null)
  const sum = Object.values(report.byStage).reduce((total, { loopRatio }) => total + loopRatio, 0)
  assert.ok(Math.abs(sum - report.loopActiveRatio) < 0.01, `${sum} of ${report.loopActiveRatio}`)
  assert.equal(stages.unbalancedTotal, 0)
})
