// The same random operations on both directories, clocks together: the same answers, the same changes, the same seats.
import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { newId, seededRandom } from '@parley/kernel'
import { type DirectorySubject, memorySubject, RedisRig } from '../../testing/directory-rig.ts'
import { RandomFleet } from '../../testing/random-fleet.ts'
import type { DirectoryChange } from '../directory.ts'

const rig = new RedisRig()
after(() => rig.stop())

const RUNS = Number(process.env.PARLEY_FUZZ_RUNS ?? 8)
const STEPS = 250
const firstSeed = Number(process.env.PARLEY_FUZZ_SEED ?? seedOfToday())

/** Another one in each run of the suite; a failure says which. */
function seedOfToday(): number {
  return Number.parseInt(
    newId('x')
      .replaceAll(/[^0-9]/g, '')
      .slice(0, 6) || '1',
    10,
  )
}

function heardBy({ directory }: DirectorySubject): string[] {
  const heard: string[] = []
  directory.watch((change: DirectoryChange) => {
    if (change.kind !== 'resync') heard.push(`${change.kind} ${change.memberId}`)
  })
  return heard
}

test(`[FD17] ${RUNS} fleets of ${STEPS} random operations have the same answers in memory and in Redis`, async (t) => {
  let grants = 0
  for (let seed = firstSeed; seed < firstSeed + RUNS; seed++) {
    const [memory, redis] = [await memorySubject(), await rig.subject(t)]
    const heard = [heardBy(memory), heardBy(redis)]
    const fleet = new RandomFleet(seededRandom(seed), [memory, redis])
    for (let n = 0; n < STEPS; n++) {
      const { what, answers } = await fleet.step()
      assert.deepEqual(answers[1], answers[0], `PARLEY_FUZZ_SEED=${seed}, step ${n}: ${what}`)
    }
    await redis.directory.members()
    assert.deepEqual(heard[1]?.sort(), heard[0]?.sort(), `PARLEY_FUZZ_SEED=${seed}: changes`)
    grants += fleet.grants
  }
  assert.ok(grants > (RUNS * STEPS) / 20, `${grants} grants are too few to say anything`)
})
