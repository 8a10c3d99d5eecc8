import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type AdmissionDemand, admit, canonicalLanguage } from './admission.ts'

const FREE: AdmissionDemand = { isClosing: false, sessions: 9, seats: 10, userSessions: 1, sessionsPerUser: 2 }

test('[AD1] [AD2] [AD3] what is full is named, with retry advice', () => {
  const cases: [Partial<AdmissionDemand>, string | undefined][] = [
    [{}, undefined],
    [{ sessions: 10 }, 'NO_SEAT'],
    [{ userSessions: 2 }, 'TOO_MANY_CONNECTIONS'],
    [{ isClosing: true, sessions: 10, userSessions: 2 }, 'DRAINING'],
  ]
  for (const [change, code] of cases) {
    const admission = admit({ ...FREE, ...change })
    assert.equal(admission.ok ? undefined : admission.error.code, code)
    if (!admission.ok) assert.ok((admission.error.details.retryAfterMs ?? 0) > 0)
  }
})

test('[AD4] languages are BCP 47 tags in canonical form', () => {
  for (const [tag, canonical] of [
    ['en', 'en'],
    ['EN-us', 'en-US'],
    ['zh-hant-tw', 'zh-Hant-TW'],
  ] as const) {
    assert.deepEqual(canonicalLanguage(tag), { ok: true, value: canonical })
  }
  for (const tag of ['english language', 'e', '', 'en_US', '../../etc']) {
    const refused = canonicalLanguage(tag)
    assert.equal(refused.ok ? '' : refused.error.code, 'INVALID_FIELD', tag)
  }
})
