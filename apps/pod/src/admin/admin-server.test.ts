import assert from 'node:assert/strict'
import { stat, writeFile } from 'node:fs/promises'
import { request } from 'node:http'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { METRIC_NAMES, STAGES, WORKER_METRIC_NAMES } from '@parley/telemetry'
import { checkMetrics, findPromtool } from '@parley/telemetry/testing'
import { API_KEY, startTestPod } from '../testing/pod-harness.ts'
import { adminGuard } from './admin-guard.ts'
import type { HealthReport } from './health-report.ts'

interface Answer {
  readonly status: number
  readonly type: string
  readonly text: string
}

function viaSocket(socketPath: string, path: string, method = 'GET'): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const call = request({ socketPath, path, method }, (response) => {
      let text = ''
      response.on('data', (chunk) => {
        text += chunk
      })
      const type = response.headers['content-type'] ?? ''
      response.once('end', () => resolve({ status: response.statusCode ?? 0, type, text }))
    })
    call.once('error', reject)
    call.end()
  })
}

const socketOf = (adminUrl: string) => adminUrl.replace(/^unix:/, '')

test('[AM1] the admin listener is a unix socket of the data directory that only its owner may use', async (t) => {
  const { pod, folder } = await startTestPod(t)
  assert.equal(pod.adminUrl, `unix:${join(folder, 'run/admin.sock')}`)
  assert.equal((await stat(socketOf(pod.adminUrl))).mode & 0o777, 0o600)
  const answer = await viaSocket(socketOf(pod.adminUrl), '/health')
  assert.equal(answer.status, 200)
  await pod.stop()
  await assert.rejects(stat(socketOf(pod.adminUrl)), { code: 'ENOENT' })
})

test('[AM1] nothing administrative answers on the public port, with whatever key', async (t) => {
  const { call, url } = await startTestPod(t)
  for (const path of ['/metrics', '/admin/sessions', '/admin/page-codes']) {
    assert.equal((await call(path)).status, 404, path)
    assert.equal((await call(path, { method: 'POST' })).status, 404, path)
  }
  const short = (await (
    await fetch(`${url}/health`, { headers: { authorization: `Bearer ${API_KEY}` } })
  ).json()) as object
  assert.deepEqual(Object.keys(short).sort(), ['checks', 'status'])
})

test('[AM2] full health: figures of loop, memory, sessions, speech, engines, throughput and HTTP', async (t) => {
  const { pod, speech, sessions } = await startTestPod(t)
  const health = async () => {
    const answer = await viaSocket(socketOf(pod.adminUrl), '/health')
    return { status: answer.status, report: JSON.parse(answer.text) as HealthReport }
  }
  sessions.figures = { ...sessions.figures, active: 3, createdTotal: 5, refusedTotal: { NO_SLOT: 2 } }
  const { status, report } = await health()
  assert.equal(status, 200)
  assert.deepEqual([report.status, report.version, report.podId], ['ok', '0.1.0', pod.podId])
  assert.ok(report.uptimeMs >= 0 && report.memory.rssBytes > 1e6 && report.loop.utilisationRatio >= 0)
  assert.deepEqual([report.sessions.active, report.sessions.refusedTotal], [3, { NO_SLOT: 2 }])
  assert.deepEqual(report.speech.engines, [{ name: 'scripted', languages: ['en'], ready: true }])
  assert.equal(report.throughput.audioFramesPerSecond, 0)
  const { stages } = report
  assert.deepEqual(Object.keys(stages.byStage), [...STAGES])
  assert.deepEqual([stages.headroom.ceilingRatio, stages.headroom.sessionsThatFit], [0.8, null])
  assert.equal(stages.usPerSessionSecond, null)
  assert.equal(stages.agreement.meaning, 'busy time and CPU time agree')
  speech.setReady(false)
  assert.equal((await health()).status, 503)
})

test('[AM3] every metric of the catalogue is exposed, and promtool is content', async (t) => {
  const { pod, sessions, call } = await startTestPod(t)
  sessions.figures = {
    ...sessions.figures,
    refusedTotal: { NO_SEAT: 1 },
    closedTotal: { client_left: 1 },
    errorsTotal: { BAD_REQUEST: 1 },
  }
  await call('/v1/page')
  const { type, text } = await viaSocket(socketOf(pod.adminUrl), '/metrics')
  assert.match(type, /^text\/plain; version=0\.0\.4/)
  const exposed = new Set([...text.matchAll(/^# TYPE (\S+)/gm)].map((match) => match[1]))
  const ofPods = METRIC_NAMES.filter((name) => !WORKER_METRIC_NAMES.includes(name))
  assert.deepEqual([...exposed].sort(), [...ofPods].sort())
  assert.match(text, /parley_http_requests_total\{method="GET",route="\/v1\/page",status="200"\} 1/)
  assert.match(text, /parley_sessions_refused_total\{code="NO_SEAT"\} 1/)
  const promtool = await findPromtool()
  if (!promtool.ok) return t.skip(promtool.why)
  assert.deepEqual(await checkMetrics(promtool.path, text), { exitCode: 0, output: '' })
})

test('[AM4] a page code minted here opens a page session once; minting is audited without the code', async (t) => {
  const { pod, url, lines } = await startTestPod(t)
  const minted = await viaSocket(socketOf(pod.adminUrl), '/admin/page-codes', 'POST')
  assert.equal(minted.status, 201)
  const {
    code,
    url: pageUrl,
    expiresAtMs,
  } = JSON.parse(minted.text) as { code: string; url: string; expiresAtMs: number }
  assert.equal(pageUrl, `${url}/#code=${code}`)
  assert.ok(expiresAtMs > 0)
  const exchange = () =>
    fetch(`${url}/v1/page/session`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ code }),
    })
  assert.equal((await exchange()).status, 200)
  assert.equal((await exchange()).status, 401)
  assert.ok(lines.some((line) => line.message === 'page code minted' && line.fields.audit === true))
  assert.ok(!JSON.stringify(lines).includes(code))
})

test('[AM5] sessions are listed by id and state, without what was said or sent', async (t) => {
  const { pod, call } = await startTestPod(t)
  const body = JSON.stringify({ metadata: { note: 'private' } })
  await call('/v1/sessions', { method: 'POST', headers: { 'content-type': 'application/json' }, body })
  const { text } = await viaSocket(socketOf(pod.adminUrl), '/admin/sessions')
  const { sessions } = JSON.parse(text) as { sessions: { sessionId: string; state: string }[] }
  assert.equal(sessions.length, 1)
  assert.match(sessions[0]?.sessionId ?? '', /^ses_/)
  assert.ok(!text.includes('private'))
})

test('[AM1] an unknown address names the known ones; a wrong method is not found', async (t) => {
  const { pod } = await startTestPod(t)
  const { status, text } = await viaSocket(socketOf(pod.adminUrl), '/nope')
  assert.equal(status, 404)
  assert.match(JSON.parse(text).detail, /POST \/admin\/page-codes/)
})

test('[AM6] over TCP the token is asked for when there is one', async (t) => {
  const settings = { 'admin.port': '0', 'admin.token': 'the-admin-token' }
  const { pod } = await startTestPod(t, { settings })
  assert.match(pod.adminUrl, /^http:\/\/127\.0\.0\.1:\d+$/)
  const status = async (headers: Record<string, string>) => (await fetch(`${pod.adminUrl}/health`, { headers })).status
  assert.equal(await status({}), 401)
  assert.equal(await status({ authorization: 'Bearer wrong' }), 401)
  assert.equal(await status({ authorization: `Bearer ${API_KEY}` }), 401)
  assert.equal(await status({ authorization: 'Bearer the-admin-token' }), 200)
  assert.equal(await status({ authorization: 'Bearer the-admin-token', origin: 'http://localhost' }), 403)
})

test('[AM6] without a token only names of this machine are answered, and no page', () => {
  const code = (headers: Record<string, string>, token = '') => {
    const allowed = adminGuard(true, token)(headers)
    return allowed.ok ? 'ok' : allowed.error.code
  }
  for (const host of ['127.0.0.1:9000', 'localhost:9000', '[::1]:9000', 'localhost']) assert.equal(code({ host }), 'ok')
  // A page whose name was made to point here (DNS rebinding) still carries its own name.
  for (const host of ['evil.example:9000', '192.168.1.5', '']) assert.equal(code({ host }), 'FORBIDDEN')
  assert.equal(code({ host: 'localhost', origin: 'http://localhost' }), 'ORIGIN_REFUSED')
  assert.equal(code({ host: 'ops.example', authorization: 'bearer secret' }, 'secret'), 'ok')
  assert.equal(code({ host: 'ops.example', authorization: 'Bearer ' }, 'secret'), 'UNAUTHENTICATED')
  assert.equal(adminGuard(false, 'secret')({}).ok, true)
})

async function failureOf(t: TestContext, settings: Record<string, string>) {
  try {
    await startTestPod(t, { settings })
  } catch (error) {
    const { code, exitCode, message } = error as Error & { code: string; exitCode: number }
    return { code, exitCode, message }
  }
  return assert.fail('the pod started')
}

test('[AM7] a socket left by a killed process is replaced; one that answers is another platform', async (t) => {
  const { pod, folder } = await startTestPod(t)
  const failure = await failureOf(t, { 'data.dir': folder })
  assert.deepEqual([failure.code, failure.exitCode], ['ALREADY_RUNNING', 3])
  assert.match(failure.message, /another Parley runs.*data\.dir/)
  // The one that runs was not disturbed.
  assert.equal((await viaSocket(socketOf(pod.adminUrl), '/health')).status, 200)
})

test('[AM7] a file that is not a socket is never removed, and too long a path is named', async (t) => {
  const { folder } = await startTestPod(t)
  const precious = join(folder, 'precious')
  await writeFile(precious, 'data')
  assert.equal((await failureOf(t, { 'admin.socket': precious })).code, 'SOCKET_PATH_TAKEN')
  assert.equal((await stat(precious)).size, 4)
  assert.equal((await failureOf(t, { 'admin.socket': join(folder, 'x'.repeat(120)) })).code, 'SOCKET_PATH_TOO_LONG')
})
