// A pod dies in the middle of giving its sessions away: some are elsewhere by then, some are not, one may be between the two. None of them is lost.
import assert from 'node:assert/strict'
import process from 'node:process'
import { test } from 'node:test'
import { SENTENCES } from '@parley/audio/testing'
import { createSession, type ParleySession } from '@parley/client'
import { eventually } from '@parley/kernel/testing'
import { callAdmin } from '../../apps/cli/src/platform/admin-client.ts'
import { wordErrors, words } from '../../benchmarks/lib/stats.ts'
import { type Platform, startPlatform } from '../lib/platform.ts'
import { record, speak } from '../lib/speaker.ts'

const SESSIONS = 4
/** After the order to drain: before the first is away, in the midst, behind the last. */
const KILLED_AFTER_MS = [10, 120, 1_500]

const wait = (ms: number): Promise<void> => new Promise((resolve) => void setTimeout(resolve, ms))

async function speaker(platform: Platform, n: number, samples: Int16Array, sentences: readonly string[]) {
  const session: ParleySession = await createSession({ url: platform.url, apiKey: platform.apiKey, user: `u${n}` })
  await session.connect()
  const spoken = speak(session, samples)
  return {
    session,
    async check(): Promise<void> {
      const { finals } = await spoken
      const text = finals.map((final) => final.text).join(' ')
      const said = words(sentences.join(' '))
      assert.ok(wordErrors(said, words(text)) <= said.length * 0.25, `${n}: ${text}`)
      const seqs = finals.map(({ seq }) => seq ?? 0)
      assert.deepEqual(
        seqs,
        [...new Set(seqs)].toSorted((a, b) => a - b),
        'each final once, in order',
      )
      await session.close()
    },
  }
}

for (const killedAfterMs of KILLED_AFTER_MS) {
  test(`[HO3, RA2] a pod is killed ${killedAfterMs} ms after it was told to give its sessions away: no word is missing`, async (t) => {
    const platform = await startPlatform([
      ...['--pods', '2', '--workers', '1'],
      ...['--set', `speech.slotsPerWorker=${2 * SESSIONS}`, '--set', 'worker.roles=recognise'],
    ])
    t.after(() => platform.stop())
    const sentences = SENTENCES.slice(0, 4)
    const { samples } = await record('slt', sentences)
    const { pods = [] } = platform
    await eventually(
      async () => {
        const { body } = await callAdmin({ adminUrl: pods[0]?.adminUrl ?? '' }, 'GET', '/fleet')
        const { members } = body as unknown as { members: { kind: string; state: string }[] }
        const ready = members.filter(({ state }) => state === 'serving' || state === 'ready').length
        return ready === 3 ? undefined : JSON.stringify(members)
      },
      { withinMs: 30_000, everyMs: 100 },
    )
    const speakers = await Promise.all(
      Array.from({ length: SESSIONS }, (_, n) => speaker(platform, n, samples, sentences)),
    )
    await wait(2_000)
    const podId = speakers[0]?.session.welcome?.podId ?? ''
    const isThere = (session: ParleySession): boolean => session.welcome?.podId === podId
    const moving = speakers.filter(({ session }) => isThere(session))
    const drained = pods.find(({ url }) =>
      speakers[0]?.session.welcome?.entryUrls[0]?.includes(`:${URL.parse(url)?.port}/`),
    )
    assert.ok(drained && moving.length > 0)
    const order = callAdmin({ adminUrl: drained.adminUrl }, 'POST', `/fleet/members/${podId}/drain?withinMs=30000`)
    await wait(killedAfterMs)
    process.kill(drained.pid, 'SIGKILL')
    await order.catch(() => {})
    for (const each of speakers) await each.check()
  })
}
