import assert from 'node:assert/strict'
import { readFile, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { type TestContext, test } from 'node:test'
import { MemoryDirectory } from '@parley/fleet'
import { Scope } from '@parley/kernel'
import { eventually, ManualClock } from '@parley/kernel/testing'
import { silentLogger } from '@parley/telemetry'
import { temporaryFolder } from '../testing/pod-harness.ts'
import { PodFleet } from './pod-fleet.ts'
import { openPlace } from './pod-place.ts'

const START = {
  publicUrl: 'http://127.0.0.1:1',
  directUrl: 'http://127.0.0.1:1',
  callsUrl: undefined,
  headroom: () => ({}),
}

interface Machine {
  readonly clock: ManualClock
  readonly directory: MemoryDirectory
  readonly folder: string
}

async function machine(t: TestContext): Promise<Machine> {
  const clock = new ManualClock()
  return { clock, directory: new MemoryDirectory(clock), folder: await temporaryFolder(t) }
}

/** A process at the place; `end` as a stop does it, without a word as a kill does. */
async function start({ clock, directory, folder }: Machine, isNext: boolean, seats = 20) {
  const place = await openPlace(clock, folder, { name: 'pod-2', isNext }, seats)
  const scope = new Scope(clock)
  const { podId } = place
  const options = { clock, podId, version: '1', directory, kind: 'redis', seats, place, logger: silentLogger } as const
  const fleet = new PodFleet(options)
  fleet.start(scope, START)
  await clock.advanceAsync(0)
  return { fleet, place, podId, scope }
}

const file = ({ folder }: Machine): string => path.join(folder, 'pods/pod-2.json')

const kept = (machine: Machine, what: RegExp) =>
  eventually(async () => {
    const text = await readFile(file(machine), 'utf8')
    return what.test(text) ? undefined : text
  })

test('[PF16] who is started again at the same place is the same member, drained and rated as it was; put back it serves', async (t) => {
  const all = await machine(t)
  const { clock, directory } = all
  const first = await start(all, false)
  assert.ok((await directory.drain(first.podId, 30_000)).ok)
  assert.ok((await directory.rate(first.podId, 7)).ok)
  await clock.advanceAsync(1_000, 500)
  await kept(all, /"drainUntilMs":\d+,"rating":\{"seats":7,"configuredSeats":20\}/)
  await first.scope.close()
  clock.advance(60_000)

  const second = await start(all, false)
  assert.equal(second.podId, first.podId)
  assert.deepEqual([second.fleet.isDraining, second.fleet.seats()], [true, 7])
  const members = await directory.members()
  assert.ok(members.ok)
  assert.deepEqual(
    members.value.map(({ memberId, state, drainLeftMs, ratedSeats }) => [memberId, state, drainLeftMs, ratedSeats]),
    [[first.podId, 'draining', 0, 7]],
  )
  assert.ok((await directory.undrain(first.podId)).ok)
  await clock.advanceAsync(1_000, 500)
  await kept(all, /"incarnation":"inc_\w+","rating"/)
  await second.scope.close()
  const third = await start(all, false)
  assert.equal(third.fleet.isDraining, false)
  // One that ends may empty itself.
  third.place.freeze()
  assert.ok((await directory.drain(third.podId, 30_000)).ok)
  await clock.advanceAsync(1_000, 500)
  assert.equal(third.fleet.isDraining, true)
  await third.scope.close()
  const fourth = await start(all, false)
  assert.equal(fourth.fleet.isDraining, false)
  await fourth.scope.close()
})

test('[PF16] a pod that was killed is followed at once by one that knows of its end, and by another when its lease is over', async (t) => {
  const all = await machine(t)
  const { clock } = all
  const killed = await start(all, false)
  killed.fleet.fenced = () => {}
  const next = await start(all, true)
  assert.ok(next.fleet.isMember)
  const claimed = await next.fleet.claim('ses_1', { policy: 'sticky', salt: 0 })
  assert.ok(claimed.ok)
  // Nobody says that this one has ended.
  const stranger = await start(all, false)
  assert.equal(stranger.fleet.isMember, false)
  const told = await stranger.fleet.elsewhere('ses_1', { host: undefined })
  assert.deepEqual([told.code, told.details.retryAfterMs], ['WRONG_POD', 1_000], JSON.stringify(told))
  assert.match(stranger.fleet.state.problem ?? '', /belongs to a process that is alive/)
  await next.scope.close()
  await killed.scope.close()
  await clock.advanceAsync(5_000, 500)
  assert.ok(stranger.fleet.isMember)
  assert.equal((await stranger.fleet.elsewhere('ses_1', { host: undefined })).code, 'SESSION_UNKNOWN')
  await stranger.scope.close()
})

test('[PF16] drained, it admits nobody before the directory answers; a new number of seats is the later word; what cannot be read begins anew', async (t) => {
  const all = await machine(t)
  const { clock, directory, folder } = all
  const first = await start(all, false)
  assert.ok((await directory.rate(first.podId, 7)).ok)
  assert.ok((await directory.drain(first.podId, 0)).ok)
  await clock.advanceAsync(1_000, 500)
  await kept(all, /"seats":7/)
  await first.scope.close()
  const place = await openPlace(clock, folder, { name: 'pod-2', isNext: false }, 40)
  assert.deepEqual(place.orders, { drainWithinMs: 0 })
  const { podId } = place
  const away = new PodFleet({
    clock,
    podId,
    version: '1',
    directory,
    kind: 'redis',
    seats: 40,
    place,
    logger: silentLogger,
  })
  assert.deepEqual([away.isDraining, away.seats()], [true, 40])
  await writeFile(file(all), '{"podId":"../x"}')
  const anew = await openPlace(clock, folder, { name: 'pod-2', isNext: true }, 40)
  assert.notEqual(anew.podId, podId)
  assert.deepEqual([anew.orders, anew.replaces], [{}, undefined])
})
