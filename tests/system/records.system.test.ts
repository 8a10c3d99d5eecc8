// What the platform as it is shipped keeps of sessions, read back with its own commands; and that a lost database costs nobody a caption.
import assert from 'node:assert/strict'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { after, before, test } from 'node:test'
import { gunzipSync } from 'node:zlib'
import { SENTENCES } from '@parley/audio/testing'
import { createSession, type ParleySession } from '@parley/client'
import { eventually } from '@parley/kernel/testing'
import { recordFolders, type StoredRecord } from '@parley/store'
import { adminGet, type Platform, parley, startPlatform } from '../lib/platform.ts'
import { type Heard, type Recording, record, speak } from '../lib/speaker.ts'

const FRAME_MS = 20
const WITHIN = { withinMs: 30_000 }

let platform: Platform
let folder: string
let sentence: Recording
/** Audio sent in all sessions whose pod was not killed, ms. */
let sentMs = 0

before(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'parley-records-'))
  const started = startPlatform([
    '--workers',
    '1',
    '--set',
    'speech.slotsPerWorker=2',
    '--set',
    'worker.roles=recognise',
  ])
  sentence = await record('slt', SENTENCES.slice(0, 1), 400)
  platform = await started
})
after(async () => {
  const { code } = await platform.stop()
  await rm(folder, { recursive: true, force: true })
  assert.equal(code, 0)
})

interface Health {
  readonly podId: string
  readonly pid: number
  readonly status: string
  readonly checks: { readonly records?: string }
  readonly records: { readonly queued: number; readonly waitingOnDisk: number; readonly lostTotal: number }
}

const healthOf = () => adminGet<Health>(platform, '/health')

async function connected(user: string): Promise<ParleySession> {
  const session = await createSession({ url: platform.url, apiKey: platform.apiKey, udp: 'off', user })
  await session.connect()
  return session
}

/** One sentence in a session of its own. */
async function caption(user: string): Promise<{ sessionId: string; heard: Heard }> {
  const session = await connected(user)
  const heard = await speak(session, sentence.samples)
  sentMs += (session.stats.mediaTime * 1000) / session.audioFormat.sampleRateHz
  await session.close()
  return { sessionId: session.sessionId, heard }
}

async function cli(...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await parley(['records', ...args, '--data-dir', platform.dataDir]).finished
  assert.equal(code, 0, stderr)
  return stdout
}

let exports = 0

/** Everything there is, by way of `parley records export`. */
async function exported(): Promise<StoredRecord[]> {
  const target = path.join(folder, `export-${++exports}`)
  await cli('export', target)
  const manifest = JSON.parse(await readFile(path.join(target, 'manifest.json'), 'utf8')) as {
    files: { name: string }[]
  }
  const texts = await Promise.all(
    manifest.files.map(async ({ name }) => gunzipSync(await readFile(path.join(target, name)))),
  )
  const lines = texts.flatMap((text) => text.toString().split('\n'))
  return lines.filter((line) => line !== '').map((line) => JSON.parse(line) as StoredRecord)
}

function rowsOf<Name extends StoredRecord['table']>(records: readonly StoredRecord[], table: Name) {
  type Row = Extract<StoredRecord, { table: Name }>['row']
  return records.filter((each) => each.table === table).map(({ row }) => row as Row)
}

/** Usage in the database, looked at beside the commands: a process for each look would be dear. */
function countedMs(): number {
  const database = new DatabaseSync(recordFolders(platform.dataDir).databaseFile, { readOnly: true })
  const row = database.prepare('select sum(speech_ms) as ms from usage').get() as { ms: number | null }
  database.close()
  return row.ms ?? 0
}

/** All that was sent, to a frame; usage is written every 5 s. */
const counted = () =>
  eventually(() => {
    const ms = countedMs()
    return Math.abs(ms - sentMs) <= FRAME_MS ? undefined : `${ms} of ${sentMs} ms are counted`
  }, WITHIN)

/** Nothing waits in memory or on disk. */
const settled = () =>
  eventually(async () => {
    const { queued, waitingOnDisk } = (await healthOf()).records
    return queued + waitingOnDisk === 0 ? undefined : `${queued} wait in memory, ${waitingOnDisk} on disk`
  }, WITHIN)

test('[REC2, REC3, REC4] a captioned session is in an export without its texts; usage is right within one frame', async () => {
  const { sessionId, heard } = await caption('ada')
  assert.ok(heard.finals.length > 0)
  await settled()
  const records = await exported()
  const [session] = rowsOf(records, 'sessions')
  assert.deepEqual(
    [session?.sessionId, session?.userId, session?.tenant, session?.endReason],
    [sessionId, 'ada', 'default', 'client_left'],
  )
  assert.ok((session?.endedAtMs ?? 0) - (session?.startedAtMs ?? 0) >= sentMs)
  assert.deepEqual(rowsOf(records, 'finals'), [])
  await counted()
  const { days } = JSON.parse(await cli('usage', '--json')) as { days: { speechMs: number }[] }
  const [day] = days
  assert.ok(Math.abs((day?.speechMs ?? 0) - sentMs) <= FRAME_MS, `${day?.speechMs} of ${sentMs} ms`)
})

test('[REC2, REC3] a pod that is killed loses at most its last batch; the next one knows which tenants want texts', async () => {
  await cli('retention', '--tenant', 'default', '--days', '30')
  const session = await connected('bob')
  const { podId, pid } = await healthOf()
  await settled()
  process.kill(platform.podPid, 'SIGKILL')
  await eventually(async () => {
    const health = await healthOf().catch(() => undefined)
    return health && health.pid !== pid && health.status === 'ok' ? undefined : 'no other pod yet'
  }, WITHIN)
  await session.close().catch(() => {})
  const { sessionId, heard } = await caption('ada')
  await settled()
  const records = await exported()
  const cut = rowsOf(records, 'sessions').find((row) => row.sessionId === session.sessionId)
  assert.deepEqual([cut?.userId, cut?.pod, cut?.endedAtMs], ['bob', podId, null])
  const said = rowsOf(records, 'finals').filter((row) => row.sessionId === sessionId)
  assert.deepEqual(
    said.map(({ kind, text }) => [kind, text]),
    heard.finals.map(({ text }) => ['final', text]),
  )
})

test('[REC1, REC4] while nobody can write the database captions go on, the pod stays ready, and all is written afterwards', async () => {
  const other = new DatabaseSync(recordFolders(platform.dataDir).databaseFile)
  other.exec('BEGIN EXCLUSIVE')
  let sessionId: string
  let heard: Heard
  try {
    const captioned = await caption('carol')
    sessionId = captioned.sessionId
    heard = captioned.heard
    assert.ok(heard.finals.length > 0)
    await eventually(async () => {
      const { status, checks, records } = await healthOf()
      const isTold = status === 'degraded' && checks.records === 'failing' && records.waitingOnDisk > 0
      return isTold ? undefined : JSON.stringify({ status, checks, records })
    }, WITHIN)
    const probes = ['/livez', '/readyz'].map(async (probe) => (await fetch(`${platform.url}${probe}`)).status)
    assert.deepEqual(await Promise.all(probes), [200, 200])
  } finally {
    other.exec('ROLLBACK')
    other.close()
  }
  await settled()
  await counted()
  const records = await exported()
  assert.equal(rowsOf(records, 'sessions').find((row) => row.sessionId === sessionId)?.endReason, 'client_left')
  const said = rowsOf(records, 'finals').filter((row) => row.sessionId === sessionId)
  assert.equal(said.length, heard.finals.length)
  assert.equal((await healthOf()).records.lostTotal, 0)
})
