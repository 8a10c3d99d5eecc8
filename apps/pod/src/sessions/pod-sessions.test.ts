// Sessions as REST sees them: admission, roles, views. No sockets.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { newId } from '@parley/kernel'
import { ManualClock } from '@parley/kernel/testing'
import { silentLogger } from '@parley/telemetry'
import type { Principal } from '../identity/identity-port.ts'
import { ADMIN, ManualSpeech, PlainTokens, sessionConfig } from '../testing/sessions/index.ts'
import { createPodSessions, type PodSessionsOptions } from './pod-sessions.ts'

const URLS = { wsUrl: 'wss://pod.example/p/1/v1/ws', pageUrl: 'https://pod.example/' }
const principal = (role: Principal['role'], user?: string, tenant = 'default'): Principal => ({
  tenant,
  role,
  user,
  keyId: user === undefined ? `key-${role}` : undefined,
})

function pod(overrides: Partial<PodSessionsOptions> = {}) {
  const clock = new ManualClock()
  const speech = new ManualSpeech()
  const tokens = new PlainTokens(clock)
  const options = {
    clock,
    config: sessionConfig(),
    podId: newId('pod'),
    speech,
    tokens,
    logger: silentLogger,
    ...overrides,
  }
  return { clock, speech, tokens, service: createPodSessions(options) }
}

async function created(service: ReturnType<typeof pod>['service'], who: Principal, body = {}) {
  const result = await service.create(who, body, URLS)
  if (!result.ok) throw result.error
  return result.value
}

test('[RS1] [AD1] a burst of 500 never passes the seats, and every refusal gives nothing away', async () => {
  const { service, speech } = pod({ config: sessionConfig({ sessions: { seats: 120 } }) })
  const burst = Array.from({ length: 500 }, () => service.create(ADMIN, {}, URLS))
  assert.equal(service.stats().opening, 120, 'reserved before the first await')
  const results = await Promise.all(burst)
  assert.equal(results.filter((result) => result.ok).length, 120)
  for (const result of results) {
    if (result.ok) continue
    assert.equal(result.error.code, 'NO_SEAT')
    assert.ok((result.error.details.retryAfterMs ?? 0) > 0)
  }
  assert.equal(speech.slotsUsed, 120)
  assert.deepEqual(service.stats().refusedTotal, { NO_SEAT: 380 })
  assert.equal(service.stats().createdTotal, 120)
  await service.close('shutting_down')
  assert.equal(speech.slotsUsed, 0)
})

test('[RS1] slots, languages and workers refuse before a seat is taken', async () => {
  const { service, speech } = pod({ speech: new ManualSpeech(1) })
  const refusal = async (body: object): Promise<string> => {
    const result = await service.create(ADMIN, body, URLS)
    return result.ok ? 'created' : result.error.code
  }
  assert.equal(await refusal({ language: 'en' }), 'created')
  assert.equal(await refusal({}), 'NO_SLOT')
  assert.equal(await refusal({ language: 'tlh' }), 'LANGUAGE_UNSUPPORTED')
  assert.equal(await refusal({ language: 'not a tag' }), 'INVALID_FIELD')
  const away = new ManualSpeech()
  away.isAway = true
  const other = pod({ speech: away })
  const result = await other.service.create(ADMIN, {}, URLS)
  assert.ok(!result.ok && result.error.code === 'SPEECH_UNAVAILABLE')
  assert.equal(service.stats().opening, 1)
  assert.equal(speech.slotsUsed, 0)
  await service.close('shutting_down')
})

test('[AD2] sessions of one user are bounded, other users have their own count', async () => {
  const { service } = pod({ config: sessionConfig({ limits: { sessionsPerUser: 2 } }) })
  const backend = principal('backend')
  const first = await created(service, backend, { user: 'ann' })
  await created(service, backend, { user: 'ann' })
  const third = await service.create(backend, { user: 'ann' }, URLS)
  assert.ok(!third.ok && third.error.code === 'TOO_MANY_CONNECTIONS')
  await created(service, backend, { user: 'bob' })
  await created(service, principal('backend', undefined, 'elsewhere'), { user: 'ann' })
  service.remove(backend, first.sessionId)
  await created(service, backend, { user: 'ann' })
  await service.close('shutting_down')
})

test('[RS1] a token that cannot be issued gives seat and slot back', async () => {
  const clock = new ManualClock()
  const tokens = new PlainTokens(clock)
  tokens.issueTicket = () => Promise.reject(new Error('no key'))
  const { service, speech } = pod({ tokens })
  await assert.rejects(service.create(ADMIN, {}, URLS), /no key/)
  assert.equal(service.stats().opening, 0)
  assert.equal(speech.slotsUsed, 0)
})

test('[RS4] a pod that closes while a ticket is issued does not hand it out', async () => {
  const { service, speech } = pod()
  const creating = service.create(ADMIN, {}, URLS)
  await service.close('shutting_down')
  const result = await creating
  assert.ok(!result.ok && result.error.code === 'DRAINING')
  assert.equal(speech.slotsUsed, 0)
})

test('[RS2] only keys of role backend and admin name a user', async () => {
  const { service } = pod()
  for (const who of [principal('user', 'ann'), principal('page', 'page-1')]) {
    const refused = await service.create(who, { user: 'bob' }, URLS)
    assert.ok(!refused.ok && refused.error.code === 'FORBIDDEN')
    const own = await created(service, who)
    const view = service.view(who, own.sessionId)
    assert.ok(view.ok && view.value.user === who.user)
  }
  const unnamed = await created(service, principal('backend'))
  const view = service.view(ADMIN, unnamed.sessionId)
  assert.ok(view.ok && view.value.user === 'key-backend')
  await service.close('shutting_down')
})

test('[RS3] what a caller may not see does not exist for it', async () => {
  const { service } = pod()
  const ann = principal('user', 'ann')
  const { sessionId } = await created(service, ann)
  const strangers = [principal('user', 'bob'), principal('page', 'x'), principal('admin', undefined, 'elsewhere')]
  for (const stranger of strangers) {
    const answers = [
      service.view(stranger, sessionId),
      service.remove(stranger, sessionId),
      service.history(stranger, sessionId, {}),
      service.revokeWatchLink(stranger, sessionId, 'wat_x'),
      await service.createWatchLink(stranger, sessionId, undefined, URLS),
    ]
    for (const answer of answers) assert.ok(!answer.ok && answer.error.code === 'SESSION_UNKNOWN')
  }
  for (const friend of [ann, principal('backend'), ADMIN]) assert.ok(service.view(friend, sessionId).ok)
  assert.ok(service.remove(ann, sessionId).ok)
  const gone = service.view(ann, sessionId)
  assert.ok(!gone.ok && gone.error.code === 'SESSION_UNKNOWN')
})

test('[RES4] [RS3] the history of a session that lives: 200 events at a time unless told, as they were sent', async () => {
  const { service, speech } = pod()
  const { sessionId } = await created(service, ADMIN)
  const page = (query: { afterSeq?: number; limit?: number } = {}) => {
    const found = service.history(ADMIN, sessionId, query)
    assert.ok(found.ok)
    return found.value
  }
  assert.deepEqual(page(), { sessionId, firstSeq: 0, lastSeq: 0, events: [], more: false })
  assert.equal(speech.slotsUsed, 1)
  await service.close('shutting_down')
  const gone = service.history(ADMIN, sessionId, {})
  assert.ok(!gone.ok && gone.error.code === 'SESSION_UNKNOWN')
})

test('[RS3] the view tells what was asked for and what is', async () => {
  const { service, clock } = pod()
  const made = await created(service, ADMIN, { language: 'EN', metadata: { room: '12' } })
  assert.equal(made.language, 'en')
  assert.equal(made.url, URLS.wsUrl)
  const view = service.view(ADMIN, made.sessionId)
  assert.ok(view.ok)
  const { podId, ...rest } = view.value
  assert.match(podId, /^pod_/)
  assert.deepEqual(rest, {
    sessionId: made.sessionId,
    state: 'opening',
    language: 'en',
    user: 'key-a',
    createdAtMs: clock.wallMs(),
    audioMs: 0,
    audioTransport: 'none',
    finals: 0,
    watchers: 0,
    metadata: { room: '12' },
  })
  await service.close('shutting_down')
})

test('[CM10] nothing that is logged holds a ticket or a token', async () => {
  const lines: string[] = []
  const write = (fields: object, message: string): void => void lines.push(JSON.stringify({ ...fields, message }))
  const logger = { debug: write, info: write, warn: write, error: write, child: () => logger }
  const { service } = pod({ logger })
  const { sessionId, ticket } = await created(service, ADMIN)
  const link = await service.createWatchLink(ADMIN, sessionId, undefined, URLS)
  assert.ok(link.ok)
  await service.close('shutting_down')
  assert.ok(lines.length > 0)
  for (const line of lines) {
    assert.ok(!line.includes(ticket))
    assert.ok(!line.includes(link.value.token))
  }
})

test('[RS1] an operator sees the sessions of every tenant, and only while they live', async () => {
  const { service } = pod()
  const mine = await created(service, ADMIN)
  const theirs = await created(service, principal('admin', undefined, 'other'))
  assert.deepEqual(
    service
      .list()
      .map((view) => view.sessionId)
      .sort(),
    [mine.sessionId, theirs.sessionId].sort(),
  )
  assert.deepEqual(new Set(service.list().map((view) => view.state)), new Set(['opening']))
  await service.close('shutting_down')
  assert.deepEqual(service.list(), [])
})
