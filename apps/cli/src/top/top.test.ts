import assert from 'node:assert/strict'
import { EventEmitter } from 'node:events'
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { PassThrough } from 'node:stream'
import test, { type TestContext } from 'node:test'
import { systemClock } from '@parley/kernel'
import { eventually, ManualClock } from '@parley/kernel/testing'
import type { CliContext } from '../context.ts'
import { CliError, EXIT } from '../exit-codes.ts'
import { Output, style, visibleLength } from '../output/index.ts'
import { listRuns, writeRun } from '../platform/run-file.ts'
import { runCli } from '../program.ts'
import { openScreen } from './screen.ts'
import { snapshotOf, type TopHealth, type TopSnapshot } from './snapshot.ts'
import { SAMPLE_HEALTH, SAMPLE_STAGES } from './testing/sample-health.ts'
import { runTop } from './top-run.ts'
import { clip, topLines } from './view.ts'

const PLATFORM = { url: 'http://127.0.0.1:8080', pid: 4711 }
const plain = style(false)
const sample = (change: Partial<TopHealth> = {}, isReady = true) =>
  snapshotOf(PLATFORM, isReady, { ...SAMPLE_HEALTH, ...change })
const textOf = (snapshot: TopSnapshot, columns = 80) => topLines(snapshot, { columns, style: plain }).join('\n')

test('[TOP1] a whole answer: sessions, cost, agreement, stages by share, room', () => {
  const text = textOf(sample())
  for (const words of [
    /^parley top {2}http:\/\/127.0.0.1:8080 {2}ready {2}up 2 min/,
    /sessions +100 active, 1 opening, 2 suspended of 2,000\n +30 watchers, 131 connections/,
    /traffic +5,000 frames\/s in, 612 messages\/s out/,
    /loop +\[###-{13}\] 20 %, delay p50 0\.2 ms, p99 3\.1 ms/,
    /speech +103 of 400 slots, 2 workers/,
    /cpu +19 % by CPU time, 20 % by the loop/,
    /loop 1,950 us per session-second, CPU 2,400 us/,
    /75 % of the loop below 80 %/,
    /140 MiB, heap 40 of 60 MiB/,
    /ws-in +\[#{10}-{6}\] 60 % +12\.0 % +1,200 +5,000/,
    /97 % explained; machine factor 1\.08; 4,321 turns\/s/,
  ])
    assert.match(text, words)
  assert.doesNotMatch(text, /\bhttp +\[/, 'a stage where nothing happens has no row')
})

test('[TOP1] whatever is absent is left out: nothing at all, no stages, no UDP', () => {
  const bare = textOf(snapshotOf(PLATFORM, false, {}))
  assert.match(bare, /not ready/)
  assert.match(bare, /does not split its loop time/)
  assert.doesNotMatch(bare, /NaN|undefined|room|udp/)
  const starting = textOf(sample({ stages: { ...SAMPLE_STAGES, windowMs: 0 } }))
  assert.match(starting, /measuring/)
  assert.match(textOf(sample({ checks: { speech: 'failing' } }, false)), /not ready: speech/)
})

test('[TOP1] transport share and drops are shown when the pod tells them', () => {
  const udp = { isEnabled: true, kernelDropsTotal: 3, droppedTotal: { replayed: 2, late: 5 } }
  const throughput = { audioFramesPerSecond: 5_000, audioFramesUdpPerSecond: 3_750, messagesOutPerSecond: 0 }
  const text = textOf(sample({ throughput, udp }))
  assert.match(text, /audio +75 % over UDP, 25 % over WebSocket/)
  assert.doesNotMatch(textOf(sample({ udp: { isEnabled: false } })), /dropped/)
  assert.match(text, /dropped by the kernel 3, by the pod 7/)
})

test('[TOP2] no line is wider than the terminal, coloured or not, and each stage keeps share, loop and cost', () => {
  for (const columns of [60, 70, 80, 120]) {
    for (const coloured of [false, true]) {
      const lines = topLines(sample(), { columns, style: style(coloured) })
      for (const line of lines) assert.ok(visibleLength(line) <= columns, `${columns}: ${line}`)
    }
    assert.match(textOf(sample(), columns), /ws-in +\[#+-+\] 60 % +12\.0 % +1,200/)
  }
})

test('[TOP2] clipping counts what is seen and closes colour', () => {
  const { red } = style(true)
  assert.equal(clip('abcdef', 3), 'abc')
  assert.equal(clip(red('abcdef'), 3), red('abc'))
  assert.equal(clip('abc', 3), 'abc')
})

test('[TOP3] room is what runs out first', () => {
  assert.deepEqual(sample().room, { sessions: 297, boundBy: 'slots' })
  const speech = { workers: 1, slots: 9_000, slotsUsed: 0 }
  assert.deepEqual(sample({ speech }).room, { sessions: 307, boundBy: 'loop' })
  const sessions = { ...SAMPLE_HEALTH.sessions, seats: 110 }
  assert.deepEqual(sample({ speech, sessions }).room, { sessions: 7, boundBy: 'seats' })
  assert.match(textOf(sample({ speech, sessions })), /7 more sessions; seats run out first/)
})

test('[TOP6] a disagreement is said in words, on as many lines as it takes', () => {
  const meaning =
    'the loop is busy 30 % of a core longer than it computes and queues for a core: the machine is overcommitted'
  const agreement = { ...SAMPLE_STAGES.agreement, verdict: 'waits_for_cpu', meaning }
  const text = textOf(sample({ stages: { ...SAMPLE_STAGES, agreement } }), 60)
  assert.equal(text.replace(/\s+/g, ' ').includes(meaning), true)
})

class FakeInput extends EventEmitter {
  readonly isTTY = true
  readonly calls: string[] = []
  setRawMode(isRaw: boolean) {
    this.calls.push(`raw ${isRaw}`)
  }
  resume() {
    this.calls.push('resume')
    return this
  }
  pause() {
    this.calls.push('pause')
    return this
  }
}

test('[TOP4] the screen draws within the rows there are, hears q and Ctrl-C, and gives the terminal back', () => {
  const input = new FakeInput()
  let written = ''
  const output = {
    columns: 61,
    rows: 3,
    write: (text: string) => {
      written += text
      return true
    },
  }
  let left = 0
  const screen = openScreen({ input: input as never, output: output as never }, () => left++)
  assert.equal(screen.columns, 61)
  screen.draw(['one', 'two', 'three', 'four'])
  assert.ok(written.includes('two') && !written.includes('three'))
  input.emit('data', Buffer.from('x'))
  input.emit('data', Buffer.from('q'))
  input.emit('data', Buffer.from('\u0003'))
  assert.equal(left, 2)
  screen.close()
  screen.close()
  assert.deepEqual(input.calls, ['raw true', 'resume', 'raw false', 'pause'])
  assert.equal(input.listenerCount('data'), 0)
  assert.ok(written.endsWith('\u001b[?25h\u001b[?1049l'))
})

test('[TOP5] a missed answer is said and asked again; a platform that is gone ends it', async () => {
  const clock = new ManualClock()
  const seen: string[] = []
  let failure: CliError | undefined
  const { promise: stopped, resolve: stop } = Promise.withResolvers<void>()
  const run = (stoppedBy: Promise<void>) =>
    runTop({
      clock,
      stopped: stoppedBy,
      ask: async () => {
        if (failure) throw failure
        return sample()
      },
      show: () => seen.push('figures'),
      showStale: (reason) => seen.push(reason),
    })
  const running = run(stopped)
  await clock.advanceAsync(0)
  failure = new CliError('no answer within 5000 ms')
  await clock.advanceAsync(1_000)
  failure = undefined
  await clock.advanceAsync(1_000)
  assert.deepEqual(seen, ['figures', 'no answer within 5000 ms', 'figures'])
  stop()
  await running
  assert.equal(clock.pendingTimers, 0)

  const gone = run(new Promise<void>(() => {}))
  await clock.advanceAsync(0)
  failure = new CliError('no platform runs', EXIT.missing)
  const ended = assert.rejects(gone, { exitCode: EXIT.missing })
  await clock.advanceAsync(1_000)
  await ended
})

/** A platform that answers `health` on its admin socket, as far as commands can tell. */
async function fakePlatform(t: TestContext, status: number, health: TopHealth): Promise<string> {
  const folder = await mkdtemp(path.join(tmpdir(), 'parley-top-'))
  await mkdir(path.join(folder, 'run'))
  const socket = path.join(folder, 'run/admin.sock')
  const server = createServer((_request, response) => {
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(health))
  })
  await new Promise<void>((resolve) => server.listen(socket, resolve))
  await writeRun(folder, {
    url: PLATFORM.url,
    pid: process.pid,
    adminUrl: `unix:${socket}`,
    podPid: process.pid,
    startedAtMs: 1,
  })
  t.after(async () => {
    server.closeAllConnections()
    await new Promise<void>((resolve) => server.close(() => resolve()))
    await rm(folder, { recursive: true, force: true })
  })
  return folder
}

/** `isTTY`: whether standard output says that it is a terminal. */
function cli(isTTY = false) {
  const [stdout, stderr] = [new PassThrough(), new PassThrough()]
  const output = new Output({ stdout: Object.assign(stdout, { isTTY }), stderr }, {})
  const value: CliContext = { env: {}, cwd: '/', homeDir: '/nonexistent', clock: systemClock, output }
  const text = (stream: PassThrough) => String(stream.read() ?? '')
  return { value, out: () => text(stdout), err: () => text(stderr) }
}

async function withExitCode(run: () => Promise<number>): Promise<number> {
  const before = process.exitCode
  try {
    return await run()
  } finally {
    process.exitCode = before ?? 0
  }
}

test('[TOP4] in a pipe one snapshot without colour; --json is one document', async (t) => {
  const dataDir = await fakePlatform(t, 200, SAMPLE_HEALTH)
  const piped = cli()
  assert.equal(await withExitCode(() => runCli(['top', '--data-dir', dataDir], piped.value)), EXIT.ok)
  const text = piped.out()
  assert.match(text, /100 active/)
  assert.ok(!text.includes('\u001b'))
  const json = cli(true)
  assert.equal(await withExitCode(() => runCli(['top', '--json', '--data-dir', dataDir], json.value)), EXIT.ok)
  const lines = json.out().trimEnd().split('\n')
  assert.equal(lines.length, 1)
  const snapshot = JSON.parse(lines[0] ?? '') as TopSnapshot
  assert.deepEqual([snapshot.sessions.active, snapshot.stages?.headroom.sessionsThatFit], [100, 307])
})

test('[TOP7] of several pods each has a line, also one that does not answer', async (t) => {
  const dataDir = await fakePlatform(t, 200, SAMPLE_HEALTH)
  const [record] = await listRuns(dataDir)
  assert.ok(record)
  const { url, adminUrl, pid } = record
  const second = { name: 'pod 2', url: 'http://127.0.0.1:8081', adminUrl: `${adminUrl}-gone`, pid }
  await writeRun(dataDir, { ...record, pods: [{ name: 'pod 1', url, adminUrl, pid }, second] })
  const shown = cli()
  assert.equal(await withExitCode(() => runCli(['top', '--data-dir', dataDir], shown.value)), EXIT.ok)
  const text = shown.out()
  assert.match(text, /pod +state +sessions +loop % /)
  assert.match(text, /pod 1 \* +ready +103\/2000 +20 +3\.1 +5000 +140 /)
  assert.match(text, /pod 2 +no answer +- /)
  const json = cli()
  await withExitCode(() => runCli(['top', '--json', '--data-dir', dataDir], json.value))
  const { pods } = JSON.parse(json.out()) as TopSnapshot
  assert.deepEqual(
    pods?.map(({ name, snapshot }) => [name, snapshot?.sessions.active]),
    [
      ['pod 1', 100],
      ['pod 2', undefined],
    ],
  )
})

test('[TOP4] --json --watch goes on by the line until a signal comes', async (t) => {
  const dataDir = await fakePlatform(t, 200, SAMPLE_HEALTH)
  const watched = cli()
  let text = ''
  const run = withExitCode(() => runCli(['top', '--json', '--watch', '--data-dir', dataDir], watched.value))
  await eventually(() => {
    text += watched.out()
    return text.split('\n').length > 2 ? undefined : `only ${JSON.stringify(text)}`
  })
  process.emit('SIGTERM')
  assert.equal(await run, EXIT.ok)
  for (const line of text.trimEnd().split('\n')) assert.equal((JSON.parse(line) as TopSnapshot).isReady, true)
})

test('[TOP5] not ready is exit code 1, no platform 5 with the next step, contradictory options 2', async (t) => {
  const dataDir = await fakePlatform(t, 503, { checks: { speech: 'failing' } })
  const unready = cli()
  assert.equal(await withExitCode(() => runCli(['top', '--once', '--data-dir', dataDir], unready.value)), EXIT.failed)
  assert.match(unready.out(), /not ready: speech/)
  const none = cli()
  assert.equal(await runCli(['top', '--data-dir', '/nonexistent'], none.value), EXIT.missing)
  assert.match(none.err(), /no platform runs .*start one with \.\/parley up/)
  const wrong = cli()
  assert.equal(await runCli(['top', '--watch'], wrong.value), EXIT.usage)
  const locked = await fakePlatform(t, 401, {})
  const refused = cli()
  assert.equal(await runCli(['top', '--data-dir', locked], refused.value), EXIT.failed)
  assert.match(refused.err(), /admin\.token/)
})
