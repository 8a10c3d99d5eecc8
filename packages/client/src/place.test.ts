// Waiting for a free place, against the fake pod over real sockets.
import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { createSession } from './index.ts'
import { type FakePod, startFakePod } from './testing/index.ts'

const CREATE = 'POST /v1/sessions'

async function startPod(t: TestContext): Promise<FakePod> {
  const pod = await startFakePod()
  t.after(() => pod.close())
  return pod
}
const refuse = (pod: FakePod, code: 'NO_SLOT' | 'NO_SEAT'): void => pod.refuseNext('create', code, { retryAfterMs: 30 })
const asked = (pod: FakePod): number => pod.requests.filter((route) => route === CREATE).length

test('[CL6] a platform that is full is asked again when it says, also when it is not to be reached in between', async (t) => {
  const pod = await startPod(t)
  refuse(pod, 'NO_SLOT')
  const waits: string[] = []
  const onWaiting = (why: string, waitMs: number): void => {
    waits.push(`${why} ${waitMs}`)
    if (waits.length === 1) refuse(pod, 'NO_SEAT')
    // Down for the third request.
    if (waits.length === 2) pod.setNetwork('down')
    if (waits.length === 3) pod.setNetwork('up')
  }
  const session = await createSession({ url: pod.url, apiKey: pod.apiKey, waitForPlaceMs: 60_000, onWaiting })
  assert.deepEqual(waits, ['full 30', 'full 30', 'unreachable 1000'])
  assert.equal(asked(pod), 3)
  session.destroy()
})

test('[CL6] unless told, or when there is no time left, or whoever asked has left, the refusal is the answer', async (t) => {
  const pod = await startPod(t)
  const where = { url: pod.url, apiKey: pod.apiKey }
  refuse(pod, 'NO_SLOT')
  await assert.rejects(createSession(where), { code: 'NO_SLOT' })
  refuse(pod, 'NO_SEAT')
  await assert.rejects(createSession({ ...where, waitForPlaceMs: 10 }), { code: 'NO_SEAT' })
  assert.equal(asked(pod), 2)
  refuse(pod, 'NO_SEAT')
  const leaving = new AbortController()
  const wish = { ...where, waitForPlaceMs: 60_000, signal: leaving.signal, onWaiting: () => leaving.abort() }
  await assert.rejects(createSession(wish), { code: 'NO_SEAT' })
  assert.equal(asked(pod), 3)
})

test('[CL6] what is no lack of places is not asked for again, nor is a platform that never answered', async (t) => {
  const pod = await startPod(t)
  await assert.rejects(createSession({ url: pod.url, apiKey: 'wrong', waitForPlaceMs: 60_000 }), {
    code: 'UNAUTHENTICATED',
  })
  await assert.rejects(createSession({ url: 'http://127.0.0.1:1', apiKey: 'k', waitForPlaceMs: 60_000 }), {
    code: 'CONNECT_FAILED',
  })
  assert.equal(asked(pod), 1)
})
