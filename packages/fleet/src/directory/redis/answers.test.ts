import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readChange } from './answers.ts'
import { problemOf, readInfo, warningsOf } from './server-facts.ts'

test('[FD16] changes are read, and what a later version tells is passed over', () => {
  assert.deepEqual(readChange('lost pod_a'), { kind: 'lost', memberId: 'pod_a' })
  assert.deepEqual(readChange('joined a pod with spaces'), { kind: 'joined', memberId: 'a pod with spaces' })
  assert.equal(readChange('promoted pod_a'), undefined)
  assert.equal(readChange(''), undefined)
})

test('[FD19] what a server says of itself: run id, policy and version; what is none of Redis has no run id', () => {
  const facts = readInfo(
    '# Server\r\nredis_version:6.2.1\r\nrun_id:abc\r\n# Memory\r\nmaxmemory_policy:volatile-ttl\r\n',
  )
  assert.deepEqual(facts, { runId: 'abc', version: '6.2.1', evictionPolicy: 'volatile-ttl' })
  const warnings = warningsOf({ runId: 'abc', version: '6.2.1', evictionPolicy: 'volatile-ttl' }, 'cache:6379')
  assert.match(warnings[0] ?? '', /maxmemory-policy of Redis at cache:6379 is volatile-ttl/)
  assert.match(warnings[1] ?? '', /is version 6\.2\.1; use 7 or later/)
  assert.deepEqual(warningsOf({ runId: 'abc', version: '7.0.15', evictionPolicy: 'noeviction' }, 'x'), [])
  assert.equal(readInfo('HTTP/1.1 400 Bad Request'), undefined)
})

test('[FD19] why Redis cannot be used: what its operator changes apart from what passes', () => {
  const of = (text: string) => problemOf(new Error(text), 'h:1')
  assert.equal(of('WRONGPASS invalid username-password pair').isMisconfigured, true)
  assert.equal(of('NOAUTH Authentication required.').isMisconfigured, true)
  assert.deepEqual(of('connect ECONNREFUSED h:1'), {
    problem: 'Redis at h:1: connect ECONNREFUSED h:1',
    isMisconfigured: false,
  })
  const many = new AggregateError([Object.assign(new Error(''), { code: 'ECONNREFUSED' })])
  assert.equal(problemOf(many, 'h:1').problem, 'Redis at h:1: ECONNREFUSED')
})
