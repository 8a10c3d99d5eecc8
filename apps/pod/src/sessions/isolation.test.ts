// Many sessions on one pod at once, on real sockets: what is said in one is heard in that one only.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { seededRandom } from '@parley/kernel'
import { eventually } from '@parley/kernel/testing'
import { startSessions } from '../testing/sessions/index.ts'

const SESSIONS = 12
const STEPS = 1_500
const SEED = 20_260_101

test(`[IS1] frames and captions of ${SESSIONS} interleaved sessions never cross (seed ${SEED})`, async (t) => {
  const pod = await startSessions()
  t.after(() => pod.close())
  const random = seededRandom(SEED)
  const pick = (below: number): number => Math.floor(random() * below)
  const rooms = await Promise.all(
    Array.from({ length: SESSIONS }, async (_, number) => {
      const { created, client } = await pod.open()
      const watcher = await pod.watch(created.sessionId)
      return { number, client, watcher, stream: pod.speech.stream(created.sessionId), finals: 0 }
    }),
  )
  for (let step = 0; step < STEPS; step++) {
    const room = rooms[pick(SESSIONS)]
    assert.ok(room)
    const kind = pick(4)
    if (kind === 0) room.stream.partial(room.finals, `said in ${room.number}`)
    else if (kind === 1) room.stream.final(room.finals++, `said in ${room.number}`)
    else if (room.client.lastSeq < 400) room.client.sendFrame(room.number + 1)
    if (step % 50 === 0) await new Promise((resolve) => setImmediate(resolve))
  }
  for (const { number, client, watcher, stream, finals } of rooms) {
    await eventually(() => (stream.frameCount === client.lastSeq + 1 ? undefined : 'frames are due'))
    for (const frame of stream.frames) assert.ok(frame.payload.every((byte) => byte === number + 1))
    for (const follower of [client, watcher]) {
      await eventually(() => {
        const got = follower.of('caption').filter((caption) => caption.kind === 'final').length
        return got === finals ? undefined : `${got} of ${finals} finals`
      })
      for (const caption of follower.of('caption')) assert.equal(caption.text, `said in ${number}`)
    }
  }
})
