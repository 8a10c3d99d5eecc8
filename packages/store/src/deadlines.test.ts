import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import os from 'node:os'
import path from 'node:path'
import test from 'node:test'
import { systemClock } from '@parley/kernel'
import { eventually, ManualClock } from '@parley/kernel/testing'
import { silentLogger } from '@parley/telemetry'
import { openRecordStore } from './record-store.ts'
import { SqliteThread } from './sqlite/sqlite-thread.ts'

test('[STR14] a request to SQLite ends at its deadline, and only so many may wait', async (t) => {
  const folder = await mkdtemp(path.join(os.tmpdir(), 'parley-deadline-'))
  const file = path.join(folder, 'records.db')
  const holder = new SqliteThread({ file, clock: systemClock })
  const clock = new ManualClock()
  const waiting = new SqliteThread({ file, clock, busyTimeoutMs: 2_000, requestTimeoutMs: 1_000 })
  t.after(async () => {
    await Promise.all([holder.close(), waiting.close()])
    await rm(folder, { recursive: true, force: true })
  })
  await holder.run('create table x (y integer)')
  await holder.run('begin immediate')
  const write = waiting.run('insert into x values (1)')
  const late = assert.rejects(write, { code: 'TIMEOUT', message: /did not answer within 1000 ms/ })
  const others = Array.from({ length: 999 }, () => waiting.run('select 1').catch((error: Error) => error))
  await assert.rejects(waiting.run('select 1'), { code: 'UNAVAILABLE', message: /1000 requests wait/ })
  clock.advance(1_000)
  await late
  await holder.run('rollback')
  assert.equal((await Promise.all(others)).length, 999)
  await eventually(async () => {
    const { rows } = await holder.run('select count(*) as count from x')
    return (rows as { count: number }[])[0]?.count === 1 ? undefined : 'what came too late is written all the same'
  })
})

test('[STR14] a PostgreSQL that takes the connection and says nothing is given up', async (t) => {
  const sockets = new Set<Socket>()
  const server = createServer((socket) => sockets.add(socket)).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  const url = `postgres://ada:secret@127.0.0.1:${(server.address() as AddressInfo).port}/records`
  const place = { kind: 'postgres', url, connectTimeoutMs: 50 } as const
  const opened = await openRecordStore(place, { clock: systemClock, logger: silentLogger })
  assert.ok(!opened.ok)
  assert.match(opened.error.code, /TIMEOUT|UNAVAILABLE/)
  assert.doesNotMatch(opened.error.message, /secret/)
})
