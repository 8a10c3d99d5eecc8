// What a pod does with the fencing tokens of its sessions towards workers' ends that a test drives.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { linksRigWith, until } from '../testing/speech/links-rig.ts'

interface Token {
  readonly epoch: number
  readonly counter: number
}

test('[FO17] an opening carries the token of its session as it is then, where there is one', async (t) => {
  const tokens = new Map<string, Token>([['ses_a', { epoch: 1, counter: 5 }]])
  const { worker, probe } = await linksRigWith(t, { fenceOf: (id) => tokens.get(id) })
  const [known, unknown] = [probe('ses_a'), probe('ses_b')]
  await until('both', () => known.states.length + unknown.states.length === 2)
  tokens.set('ses_a', { epoch: 2, counter: 0 })
  worker.send({ type: 'stream.failed', stream: 1, message: 'decoder' })
  await until('again', () => worker.opens().length === 3)
  assert.deepEqual(
    worker.opens().map(({ sessionId, fence }) => [sessionId, fence]),
    [
      ['ses_a', { epoch: 1, counter: 5 }],
      ['ses_b', undefined],
      ['ses_a', { epoch: 2, counter: 0 }],
    ],
  )
})

test('[FO17] a stream that is fenced goes to no worker before the token is greater; nobody is blamed', async (t) => {
  let fence: Token = { epoch: 1, counter: 5 }
  const told: string[] = []
  const { workers, probe, pass, speech } = await linksRigWith(
    t,
    { fenceOf: () => fence, onFenced: (id) => told.push(id) },
    {},
    {},
  )
  const session = probe().frames(1, 10)
  await until('ready', () => session.states.length === 1)
  const [first, second] = [...workers].sort((one, other) => other.opens().length - one.opens().length)
  assert.ok(first && second)
  first.opensAtOnce = false
  first.send({ type: 'stream.failed', stream: 1, message: 'another owner', code: 'FENCED' })
  await until('told', () => told.length === 1)
  await pass(5_000)
  assert.deepEqual([first.opens().length, second.opens().length], [1, 0])
  assert.deepEqual(session.states, ['ready', 'waiting no_worker'])
  assert.deepEqual([speech.workers().map(({ standing }) => standing), speech.stats().failoversTotal], [['in', 'in'], 0])

  fence = { epoch: 1, counter: 7 }
  second.opensAtOnce = false
  await pass(500)
  await until('again', () => first.opens().length + second.opens().length === 2)
  const next = first.opens().length === 2 ? first : second
  const { stream = 0, fence: carried } = next.opens().at(-1) ?? {}
  assert.deepEqual(carried, fence)
  next.send({ type: 'stream.refused', stream, code: 'FENCED', message: 'another owner' })
  await until('told', () => told.length === 2)
  await pass(5_000)
  assert.deepEqual([first.opens().length + second.opens().length, told], [2, ['ses_a', 'ses_a']])
  session.stream?.close()
  assert.deepEqual([speech.stats().streams, speech.stats().streamsWaiting], [0, 0])
})
