import assert from 'node:assert/strict'
import { test } from 'node:test'
import { startSessions } from '../testing/sessions/index.ts'

test('[SES1] hello, audio, captions, audio.end, bye', async (t) => {
  const pod = await startSessions()
  t.after(() => pod.close())
  const { created, client } = await pod.open()
  client.sendFrame(1)
  client.sendFrame(2)
  client.send({ type: 'audio.end', requestId: 'r1', lastSeq: client.lastSeq })
  client.send({ type: 'ping', id: 7 })
  assert.equal((await client.expect('pong')).id, 7)
  const stream = pod.speech.stream(created.sessionId)
  assert.deepEqual(
    stream.frames.map((frame) => [frame.mediaTime, frame.payload[0]]),
    [
      [0, 1],
      [320, 2],
    ],
  )
  stream.partial(0, 'one')
  stream.final(0, 'One two.')
  stream.flushed()
  const ended = await client.expect('audio.ended')
  assert.equal(ended.requestId, 'r1')
  assert.equal(ended.lastSeq, 1)
  assert.equal(ended.finals, 1)
  const kinds = client.of('caption').map((caption) => [caption.kind, caption.revision, caption.seq])
  assert.deepEqual(kinds, [
    ['partial', 1, undefined],
    ['final', 2, 1],
  ])
  client.send({ type: 'bye' })
  assert.equal((await client.expect('closing')).reason, 'client_left')
  assert.equal((await client.expectClosed()).code, 1000)
  assert.equal(pod.speech.slotsUsed, 0)
})
