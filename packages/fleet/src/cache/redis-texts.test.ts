import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { RedisRig } from '../testing/directory-rig.ts'
import { RedisTexts } from './redis-texts.ts'

const rig = new RedisRig()
after(() => rig.stop())

test('[FD29] a text is there for others of the fleet until its time is over, and for nobody else', async (t) => {
  const { directory } = await rig.subject(t)
  const texts = new RedisTexts(directory.link)
  assert.deepEqual(await texts.get('a'), { ok: true, value: undefined })
  assert.deepEqual(await texts.set('a', 'sealed', 3_600_000), { ok: true, value: undefined })
  assert.deepEqual(await texts.get('a'), { ok: true, value: 'sealed' })
  const other = await rig.subject(t)
  assert.deepEqual(await new RedisTexts(other.directory.link).get('a'), { ok: true, value: undefined })
  await texts.set('short', 'sealed', 1)
  const gone = async (): Promise<boolean> => {
    const answer = await texts.get('short')
    return answer.ok && answer.value === undefined
  }
  for (let tries = 0; tries < 100 && !(await gone()); tries++);
  assert.equal(await gone(), true)
})

test('[FD29] while Redis is away both fail at once, and neither rejects', async (t) => {
  const own = new RedisRig()
  const { directory } = await own.subject(t)
  const texts = new RedisTexts(directory.link)
  await own.stop()
  assert.equal((await texts.get('a')).ok, false)
  assert.equal((await texts.set('a', 'x', 1_000)).ok, false)
})
