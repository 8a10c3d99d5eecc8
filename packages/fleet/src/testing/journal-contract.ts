// What every journal must do, in memory and in Redis.
import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import type { FencingToken } from '../directory/fencing-token.ts'
import type { Journal, JournalEntry } from '../journal/journal.ts'
import { asking, type DirectorySubject, granted, joined } from './directory-rig.ts'

export type JournalSubject = DirectorySubject & { readonly journal: Journal }

const KEEP_MS = 5_000

export function journalContract(name: string, create: (t: TestContext) => Promise<JournalSubject>): void {
  async function held(t: TestContext) {
    const subject = await create(t)
    const { directory } = subject
    const [a, b] = [await joined(directory, 'pod_a'), await joined(directory, 'pod_b', { leaseMs: 60_000 })]
    const own = async (sessionId: string): Promise<FencingToken> => {
      const { token } = await granted(directory.claim(asking(a, sessionId, { only: 'pod_a' })))
      await granted(directory.confirm(a, { sessionId, token }))
      return token
    }
    return { ...subject, a, b, own }
  }
  const entry = (sessionId: string, token: FencingToken, state: string): JournalEntry => ({ sessionId, token, state })

  test(`[JN1] ${name}: the newest state is kept, and forgotten when nobody has written for so long`, async (t) => {
    const { journal, own, clock } = await held(t)
    const [one, two] = [await own('ses_1'), await own('ses_2')]
    const text = 'ünïcode "quotes"\nand lines'
    assert.deepEqual(await granted(journal.append([entry('ses_1', one, 'a'), entry('ses_2', two, text)], KEEP_MS)), [])
    await granted(journal.append([entry('ses_1', one, 'b')], KEEP_MS))
    assert.deepEqual(await granted(journal.recall('ses_1')), { token: one, state: 'b' })
    assert.deepEqual(await granted(journal.recall('ses_2')), { token: two, state: text })
    assert.equal(await granted(journal.recall('ses_3')), undefined)
    await granted(journal.append([entry('ses_1', one, 'c')], 1))
    await clock.advanceAsync(KEEP_MS)
    await expired(async () => (await granted(journal.recall('ses_1'))) === undefined)
  })

  test(`[JN2] ${name}: who has a lower token than the owner, or the last writer, keeps nothing and is told; the rest counts`, async (t) => {
    const { journal, directory, own, a, b } = await held(t)
    const [mine, other] = [await own('ses_1'), await own('ses_2')]
    await granted(journal.append([entry('ses_1', mine, 'mine'), entry('ses_2', other, 'mine')], KEEP_MS))
    await granted(directory.leave(a))
    const { token } = await granted(directory.claim(asking(b, 'ses_1', { isResume: true, only: 'pod_b' })))
    const late = [entry('ses_1', mine, 'late'), entry('ses_2', other, 'newer')]
    assert.deepEqual(await granted(journal.append(late, KEEP_MS)), ['ses_1'], 'by the directory')
    assert.equal((await granted(journal.recall('ses_1')))?.state, 'mine')
    assert.equal((await granted(journal.recall('ses_2')))?.state, 'newer')
    await granted(journal.append([entry('ses_1', token, 'theirs')], KEEP_MS))
    await granted(directory.release({ sessionId: 'ses_1', token }))
    const greater = { epoch: token.epoch, counter: token.counter + 10 }
    await granted(journal.append([entry('ses_9', greater, 'theirs')], KEEP_MS))
    assert.deepEqual(
      await granted(journal.append([entry('ses_9', token, 'late')], KEEP_MS)),
      ['ses_9'],
      'by the writer',
    )
  })

  test(`[JN3] ${name}: what is kept goes with the owner's release, and stays when a reservation is given back`, async (t) => {
    const { journal, directory, own, a, b } = await held(t)
    const [one, two] = [await own('ses_1'), await own('ses_2')]
    await granted(journal.append([entry('ses_1', one, 'a'), entry('ses_2', two, 'b')], KEEP_MS))
    await granted(directory.release({ sessionId: 'ses_1', token: one }))
    assert.equal(await granted(journal.recall('ses_1')), undefined)
    await granted(directory.leave(a))
    const { token } = await granted(directory.claim(asking(b, 'ses_2', { isResume: true, only: 'pod_b' })))
    await granted(directory.release({ sessionId: 'ses_2', token }))
    assert.equal((await granted(journal.recall('ses_2')))?.state, 'b')
  })
}

/** Redis forgets by its own clock. */
async function expired(isSo: () => Promise<boolean>): Promise<void> {
  for (let tries = 0; tries < 200; tries++) {
    if (await isSo()) return
    await new Promise((resolve) => setImmediate(resolve))
  }
  assert.fail('it is still kept')
}
