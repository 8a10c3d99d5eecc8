import assert from 'node:assert/strict'
import { createHash, randomBytes } from 'node:crypto'
import { test } from 'node:test'
import { newId } from '@parley/kernel'
import { ManualClock } from '@parley/kernel/testing'
import type { SessionId, WatchLinkId } from '@parley/protocol'
import { SignJWT } from 'jose'
import { temporaryFolder } from '../testing/pod-harness.ts'
import { createApiKeys } from './api-keys.ts'
import { createAuthenticator } from './authenticator.ts'
import { openDataDirectory } from './data-directory.ts'
import { createIdentity, tokenKey } from './identity.ts'
import { createPageCodes, MAX_PAGE_CODES } from './page-codes.ts'
import { Revocations } from './revocations.ts'
import { createTokens, RESUME_TOKEN_LIFETIME_MS } from './tokens.ts'
import { UsedTickets } from './used-tickets.ts'

const signingKey = randomBytes(32)
const claims = { sessionId: newId('ses') as SessionId, tenant: 'acme', user: 'ann' }

async function tokensAt(clock = new ManualClock(), usedTickets?: UsedTickets) {
  return { clock, tokens: await createTokens({ clock, signingKey, ...(usedTickets ? { usedTickets } : {}) }) }
}

async function codeOf(tokens: Awaited<ReturnType<typeof tokensAt>>['tokens'], token: string): Promise<string> {
  const redeemed = await tokens.redeem(token)
  return redeemed.ok ? redeemed.value.kind : redeemed.error.code
}

/** A token of ours but for one thing. */
function forged(payload: Record<string, unknown>, options: { alg?: string; key?: Uint8Array } = {}): Promise<string> {
  const seconds = 1_700_000_000
  return new SignJWT({
    iss: 'parley',
    aud: 'ticket',
    sid: claims.sessionId,
    tenant: 'acme',
    sub: 'ann',
    jti: 'x',
    ...payload,
  })
    .setProtectedHeader({ alg: options.alg ?? 'HS256' })
    .setIssuedAt(seconds)
    .setExpirationTime((payload.exp as number) ?? seconds + 60)
    .sign(options.key ?? signingKey)
}

test('[ID3] a ticket stands for its session, tenant and user, once', async () => {
  const { tokens, clock } = await tokensAt()
  const { token, expiresAtMs } = await tokens.issueTicket(claims)
  assert.ok(expiresAtMs > clock.wallMs() && expiresAtMs <= clock.wallMs() + 60_000)
  assert.deepEqual(await tokens.redeem(token), { ok: true, value: { kind: 'ticket', claims } })
  assert.deepEqual(await tokens.redeem(token), { ok: true, value: { kind: 'used_ticket', claims } })
})

test('[ID3] of two uses at once one passes', async () => {
  const { tokens } = await tokensAt()
  const { token } = await tokens.issueTicket(claims)
  const codes = await Promise.all([codeOf(tokens, token), codeOf(tokens, token)])
  assert.deepEqual(codes.sort(), ['ticket', 'used_ticket'])
})

test('[ID3] a ticket is good for 60 s', async () => {
  const { tokens, clock } = await tokensAt()
  const early = await tokens.issueTicket(claims)
  const late = await tokens.issueTicket(claims)
  clock.advance(59_000)
  assert.equal(await codeOf(tokens, early.token), 'ticket')
  clock.advance(1_000)
  assert.equal(await codeOf(tokens, late.token), 'TICKET_EXPIRED')
})

test('[ID3] used tickets are remembered until they expire, and no longer', async () => {
  const usedTickets = new UsedTickets()
  const { tokens, clock } = await tokensAt(new ManualClock(), usedTickets)
  for (let count = 0; count < 5; count++) await tokens.redeem((await tokens.issueTicket(claims)).token)
  assert.equal(usedTickets.size, 5)
  clock.advance(61_000)
  await tokens.redeem((await tokens.issueTicket(claims)).token)
  assert.equal(usedTickets.size, 1)
})

test('[ID3] when no more used tickets can be remembered, none passes', async () => {
  const { tokens, clock } = await tokensAt(new ManualClock(), new UsedTickets(2))
  const codes: string[] = []
  for (let count = 0; count < 3; count++) codes.push(await codeOf(tokens, (await tokens.issueTicket(claims)).token))
  assert.deepEqual(codes, ['ticket', 'ticket', 'TICKET_INVALID'])
  clock.advance(60_000)
  assert.equal(await codeOf(tokens, (await tokens.issueTicket(claims)).token), 'ticket')
})

test('[ID4] a foreign signature, another algorithm, a missing claim or noise is TICKET_INVALID', async () => {
  const { tokens } = await tokensAt()
  const good = await forged({})
  const [header, payload, signature] = good.split('.') as [string, string, string]
  const none = Buffer.from('{"alg":"none"}').toString('base64url')
  const bad = {
    'signed by another key': await forged({}, { key: randomBytes(32) }),
    'algorithm HS512': await forged({}, { alg: 'HS512', key: Buffer.concat([signingKey, signingKey]) }),
    'algorithm none': `${none}.${payload}.`,
    'another issuer': await forged({ iss: 'other' }),
    'no session': await forged({ sid: undefined }),
    'no id': await forged({ jti: undefined }),
    'a number for a tenant': await forged({ tenant: 7 }),
    'a changed payload': `${header}.${Buffer.from('{"aud":"ticket"}').toString('base64url')}.${signature}`,
    noise: 'x.y.z',
    nothing: '',
    'too long': 'a'.repeat(100_000),
  }
  for (const [what, token] of Object.entries(bad)) assert.equal(await codeOf(tokens, token), 'TICKET_INVALID', what)
  assert.equal(await codeOf(tokens, good), 'ticket')
})

test('[ID4] a token of one kind is never taken for another', async () => {
  const { tokens, clock } = await tokensAt()
  const ticket = (await tokens.issueTicket(claims)).token
  const user = (await tokens.issueUserToken('acme', 'ann', 60_000)).token
  const page = (await tokens.issuePageSession({ tenant: 'acme', user: 'ann' })).token
  const link = {
    sessionId: claims.sessionId,
    linkId: newId('wat') as WatchLinkId,
    expiresAtMs: clock.wallMs() + 60_000,
  }
  const watch = await tokens.issueWatchToken(link)
  const resume = await tokens.issueResumeToken({ ...claims, podId: 'pod_a' })
  assert.equal(await codeOf(tokens, user), 'TICKET_INVALID')
  assert.equal(await codeOf(tokens, page), 'TICKET_INVALID')
  assert.equal(await codeOf(tokens, watch), 'watch')
  assert.equal(await codeOf(tokens, resume), 'resume')
  for (const token of [ticket, resume, watch, page]) assert.equal(await tokens.verifyUserToken(token), undefined)
  for (const token of [ticket, resume, watch, user]) assert.equal(await tokens.verifyPageSession(token), undefined)
})

test('[ID11] a resume token stands for its session, tenant, user and pod, any number of times', async () => {
  const { tokens, clock } = await tokensAt()
  const resume = { ...claims, podId: 'pod_a' }
  const token = await tokens.issueResumeToken(resume)
  for (let count = 0; count < 3; count++) {
    assert.deepEqual(await tokens.redeem(token), { ok: true, value: { kind: 'resume', claims: resume } })
    clock.advance(24 * 3_600_000)
  }
  clock.advance(RESUME_TOKEN_LIFETIME_MS)
  assert.equal(await codeOf(tokens, token), 'TICKET_EXPIRED')
  const fenced = { ...resume, token: { epoch: 1_795_823_998_000, counter: 7 } }
  const redeemed = await tokens.redeem(await tokens.issueResumeToken(fenced))
  assert.deepEqual(redeemed, { ok: true, value: { kind: 'resume', claims: fenced } })
})

test('[RA6, ID11] what a pod of a fleet signs is good at the others, whatever their folders; of another fleet, or alone, it is not', async (t) => {
  const auth = { apiKey: 'pk_thekeyofthetests00000', keys: [] } as unknown as Parameters<typeof createIdentity>[1]
  const pod = async (secret?: string) => {
    const directory = await openDataDirectory(await temporaryFolder(t))
    return (await createIdentity(new ManualClock(), auth, directory, secret ? tokenKey(secret) : undefined)).tokens
  }
  const token = await (await pod('one fleet')).issueResumeToken({ ...claims, podId: 'pod_a' })
  assert.equal(await codeOf(await pod('one fleet'), token), 'resume')
  assert.equal(await codeOf(await pod('another'), token), 'TICKET_INVALID')
  assert.equal(await codeOf(await pod(), token), 'TICKET_INVALID')
})

test('[ID11] a resume token that is forged, foreign or incomplete is TICKET_INVALID', async () => {
  const { tokens } = await tokensAt()
  const good = { aud: 'resume', pod: 'pod_a' }
  const bad = {
    'signed by another key': await forged(good, { key: randomBytes(32) }),
    'no pod': await forged({ aud: 'resume' }),
    'no session': await forged({ ...good, sid: undefined }),
    'no user': await forged({ ...good, sub: '' }),
    'another issuer': await forged({ ...good, iss: 'other' }),
    'a ticket that says it is one': `${(await forged({})).split('.')[0]}.${Buffer.from('{"aud":"resume"}').toString('base64url')}.x`,
  }
  for (const [what, token] of Object.entries(bad)) assert.equal(await codeOf(tokens, token), 'TICKET_INVALID', what)
  assert.equal(await codeOf(tokens, await forged(good)), 'resume')
})

test('[ID5] a watch token names session, link and expiry, works more than once, and expires', async () => {
  const { tokens, clock } = await tokensAt()
  const link = { sessionId: claims.sessionId, linkId: newId('wat') as WatchLinkId, expiresAtMs: clock.wallMs() + 5_000 }
  const token = await tokens.issueWatchToken(link)
  assert.deepEqual(await tokens.redeem(token), { ok: true, value: { kind: 'watch', claims: link } })
  assert.equal(await codeOf(tokens, token), 'watch')
  clock.advance(5_000)
  assert.equal(await codeOf(tokens, token), 'WATCH_LINK_INVALID')
  assert.equal(await codeOf(tokens, await forged({ aud: 'watch' }, { key: randomBytes(32) })), 'WATCH_LINK_INVALID')
})

const hashOf = (key: string) => createHash('sha256').update(key).digest('hex')

async function authentication() {
  const clock = new ManualClock()
  const tokens = await createTokens({ clock, signingKey })
  const configured = [
    { id: 'backend', tenant: 'acme', role: 'backend', sha256: hashOf('pk_backend') },
    { id: 'kiosk', tenant: 'acme', role: 'user', sha256: hashOf('pk_kiosk') },
  ] as const
  const revocations = new Revocations(clock)
  const keys = createApiKeys('pk_own', [...configured], revocations)
  const authenticator = createAuthenticator(keys, tokens)
  const as = async (headers: Record<string, string>) => {
    const principal = await authenticator.authenticate({ headers })
    return principal.ok ? principal.value : principal.error.code
  }
  return { clock, tokens, as, keys, revocations }
}

test('[ID6] each key stands for its tenant and role; a key of role user is one user', async () => {
  const { as } = await authentication()
  const own = { tenant: 'default', role: 'admin', user: undefined, keyId: 'default' }
  assert.deepEqual(await as({ authorization: 'Bearer pk_own' }), own)
  assert.deepEqual(await as({ authorization: 'bearer  pk_own ' }), own)
  const backend = { tenant: 'acme', role: 'backend', user: undefined, keyId: 'backend' }
  assert.deepEqual(await as({ authorization: 'Bearer pk_backend' }), backend)
  const kiosk = { tenant: 'acme', role: 'user', user: 'key:kiosk', keyId: 'kiosk' }
  assert.deepEqual(await as({ authorization: 'Bearer pk_kiosk' }), kiosk)
})

test('[ID6] no, a wrong or a removed key is UNAUTHENTICATED', async () => {
  const { as } = await authentication()
  for (const authorization of [
    'Bearer pk_removed',
    'Bearer ',
    'Basic cGtfb3duOg==',
    'pk_own',
    'Bearer pk_own pk_own',
    `Bearer ${'x'.repeat(9_000)}`,
  ]) {
    assert.equal(await as({ authorization }), 'UNAUTHENTICATED', authorization.slice(0, 40))
  }
  assert.equal(await as({}), 'UNAUTHENTICATED')
  assert.equal(await as({ cookie: 'other=1; parley_page' }), 'UNAUTHENTICATED')
})

test('[ID7] a user token stands for its user of its tenant until it expires', async () => {
  const { as, tokens, clock } = await authentication()
  const { token } = await tokens.issueUserToken('acme', 'ann', 10_000)
  const ann = { tenant: 'acme', role: 'user', user: 'ann', keyId: undefined }
  assert.deepEqual(await as({ authorization: `Bearer ${token}` }), ann)
  clock.advance(10_000)
  assert.equal(await as({ authorization: `Bearer ${token}` }), 'UNAUTHENTICATED')
})

test('[ID8] a page session lasts twelve hours; an Authorization header counts before it', async () => {
  const { as, tokens, clock } = await authentication()
  const { token } = await tokens.issuePageSession({ tenant: 'default', user: 'page:1' })
  const page = { tenant: 'default', role: 'page', user: 'page:1', keyId: undefined }
  assert.deepEqual(await as({ cookie: `a=b; parley_page=${token}` }), page)
  assert.deepEqual(await as({ cookie: `__Host-parley_page=${token}; parley_page=forged` }), page)
  assert.equal(await as({ cookie: `parley_page=${token}`, authorization: 'Bearer wrong' }), 'UNAUTHENTICATED')
  clock.advance(12 * 3_600_000)
  assert.equal(await as({ cookie: `parley_page=${token}` }), 'UNAUTHENTICATED')
})

test('[ID9] a page code works once and for ten minutes', () => {
  const clock = new ManualClock()
  const codes = createPageCodes(clock)
  const { code } = codes.mint()
  assert.match(code, /^[0-9a-z]{26}$/)
  assert.equal(codes.redeem('guess'), false)
  assert.equal(codes.redeem(code), true)
  assert.equal(codes.redeem(code), false)
  const late = codes.mint().code
  clock.advance(600_000)
  assert.equal(codes.redeem(late), false)
})

test('[ID9] outstanding page codes are bounded: the oldest is void', () => {
  const codes = createPageCodes(new ManualClock())
  const minted = Array.from({ length: MAX_PAGE_CODES + 1 }, () => codes.mint().code)
  assert.equal(codes.redeem(minted[0] as string), false)
  assert.equal(codes.redeem(minted[1] as string), true)
  assert.equal(codes.redeem(minted[MAX_PAGE_CODES] as string), true)
})
