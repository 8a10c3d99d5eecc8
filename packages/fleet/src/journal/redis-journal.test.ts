import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { after, test } from 'node:test'
import { journalKey, keyPrefix } from '../directory/redis/keys.ts'
import { newConnection } from '../directory/redis/redis-connection.ts'
import { granted, RedisRig } from '../testing/directory-rig.ts'
import { journalContract } from '../testing/journal-contract.ts'
import { RedisJournal } from './redis-journal.ts'

const rig = new RedisRig()
after(() => rig.stop())

journalContract('in Redis', async (t) => {
  const subject = await rig.subject(t)
  return { ...subject, journal: new RedisJournal(subject.directory.link) }
})

test('[JN4] one append of a hundred sessions is one command', async (t) => {
  const { directory } = await rig.subject(t)
  const journal = new RedisJournal(directory.link)
  const calls: string[] = []
  const counted = new Proxy(directory.link, {
    get: (link, name) => {
      const value: unknown = Reflect.get(link, name)
      if (name !== 'run') return value
      return (...args: Parameters<typeof link.run>) => {
        calls.push(args[0].name)
        return link.run(...args)
      }
    },
  })
  const token = { epoch: 1, counter: 1 }
  const entries = Array.from({ length: 100 }, (_, n) => ({ sessionId: `ses_${n}`, token, state: 'x'.repeat(6_000) }))
  await granted(new RedisJournal(counted).append(entries, 5_000))
  assert.deepEqual(calls, ['append'])
  assert.equal((await granted(journal.recall('ses_99')))?.state.length, 6_000)
})

test('[JN6] what is kept today is read by the next version and the other way round: its key has the stored fields, and may have more', async (t) => {
  const stored = JSON.parse(
    readFileSync(new URL('../testing/formats/journal-key.json', import.meta.url), 'utf8'),
  ) as Record<'epoch' | 'counter' | 'state', string>
  const fleet = 'stored-format'
  const directory = await rig.directory(t, { fleet })
  const journal = new RedisJournal(directory.link)
  const { url } = await rig.server()
  const admin = newConnection({ url }, () => {})
  await admin.connect()
  t.after(() => admin.destroy())
  const fields = Object.entries(stored).flat()
  const kept = { token: { epoch: Number(stored.epoch), counter: Number(stored.counter) }, state: stored.state }
  await admin.send(['HSET', `${keyPrefix(fleet)}${journalKey('ses_1')}`, ...fields, 'addedLater', 'x'])
  assert.deepEqual(await granted(journal.recall('ses_1')), kept)
  await granted(journal.append([{ sessionId: 'ses_2', ...kept }], 5_000))
  const written = await admin.send(['HGETALL', `${keyPrefix(fleet)}${journalKey('ses_2')}`])
  assert.deepEqual(
    { ...(written as object) },
    stored,
    'its fields have changed: keep the stored file, add another, and read both',
  )
})

test('[JN5] a Redis that is away refuses at once, and keeps the newest state when it is back', async (t) => {
  const { directory, forget } = await rig.subject(t)
  const journal = new RedisJournal(directory.link)
  const server = await rig.server()
  await server.kill()
  const entry = { sessionId: 'ses_1', token: { epoch: 1, counter: 1 }, state: 'x' }
  let answer = await journal.append([entry], 5_000)
  while (answer.ok) answer = await journal.append([entry], 5_000)
  assert.equal(answer.error.code, 'DIRECTORY_AWAY')
  await forget()
  await granted(journal.append([entry], 5_000))
  assert.equal((await granted(journal.recall('ses_1')))?.state, 'x')
})
