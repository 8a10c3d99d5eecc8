// What a client does that is sent to another pod: a fleet of two as far as REST goes.
import assert from 'node:assert/strict'
import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type TestContext, test } from 'node:test'
import { ParleyError } from '@parley/protocol'
import { parleyApi } from './index.ts'
import { sendJson, sendProblem } from './testing/fake-http.ts'

interface FakePod {
  readonly url: string
  readonly asked: string[]
}

async function pod(t: TestContext, answer: (request: IncomingMessage) => ParleyError | object): Promise<FakePod> {
  const asked: string[] = []
  const server = createServer((request, response) => {
    asked.push(`${request.method} ${request.url} ${request.headers.authorization}`)
    const said = answer(request)
    if (said instanceof ParleyError) sendProblem(response, said)
    else sendJson(response, 200, said)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.after(() => {
    server.closeAllConnections()
    server.close()
  })
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, asked }
}

const VIEW = { sessionId: 'ses_1', state: 'active' }
const PATH = '/p/pod_b/v1/sessions/ses_1'
const wrongPod = (location: string | undefined) =>
  new ParleyError('WRONG_POD', location === undefined ? {} : { location })

test('[CL116] a call about a session that lives elsewhere is made there, with the credential', async (t) => {
  const right = await pod(t, () => VIEW)
  const wrong = await pod(t, () => wrongPod(`${right.url}${PATH}`))
  const api = parleyApi({ url: wrong.url, apiKey: 'pk_test' })
  api.trust([`${right.url.replace('http', 'ws')}/p/pod_b/v1/ws`])
  assert.deepEqual(await api.getSession('ses_1'), VIEW)
  assert.deepEqual(right.asked, [`GET ${PATH} Bearer pk_test`])
})

test('[CL116] a pod that is not among the entry addresses gets neither the call nor the credential', async (t) => {
  const stranger = await pod(t, () => VIEW)
  for (const location of [`${stranger.url}${PATH}`, 'ftp://127.0.0.1/', 'nonsense', undefined]) {
    const wrong = await pod(t, () => wrongPod(location))
    const api = parleyApi({ url: wrong.url, apiKey: 'pk_test' })
    api.trust(['ws://127.0.0.1:1/p/pod_b/v1/ws'])
    await assert.rejects(api.getSession('ses_1'), { code: 'WRONG_POD', location })
  }
  assert.deepEqual(stranger.asked, [])
})

test('[CL116] behind one address it goes there by the pod’s path, and only once', async (t) => {
  const front: FakePod = await pod(t, ({ url }) => (url === PATH ? VIEW : wrongPod(`${front.url}${PATH}`)))
  const api = parleyApi({ url: front.url, apiKey: 'pk_test' })
  assert.deepEqual(await api.getSession('ses_1'), VIEW)
  const ring: FakePod = await pod(t, () => wrongPod(`${ring.url}${PATH}`))
  await assert.rejects(parleyApi({ url: ring.url, apiKey: 'pk_test' }).getSession('ses_1'), { code: 'WRONG_POD' })
  assert.equal(ring.asked.length, 2)
})

test('[CL116] a session that was opened at another address is asked about there from the beginning', async (t) => {
  const right = await pod(t, () => VIEW)
  const created = { sessionId: 'ses_1', ticket: 't', url: `${right.url.replace('http', 'ws')}/p/pod_b/v1/ws` }
  const first = await pod(t, () => ({ ...created, state: 'active' }))
  const api = parleyApi({ url: first.url, apiKey: 'pk_test' })
  await api.createSession({})
  assert.deepEqual(await api.getSession('ses_1'), VIEW)
  assert.deepEqual(right.asked, [`GET ${PATH} Bearer pk_test`])
  assert.equal(first.asked.length, 1)
  await api.getSession('ses_2')
  assert.equal(first.asked.length, 2, 'of others it knows nothing')
})
