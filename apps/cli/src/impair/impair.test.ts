import assert from 'node:assert/strict'
import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import http from 'node:http'
import { type AddressInfo, connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { PassThrough } from 'node:stream'
import test from 'node:test'
import { fileURLToPath } from 'node:url'
import { systemClock } from '@parley/kernel'
import { bareEnvironment, eventually, ManualClock, PATIENCE } from '@parley/kernel/testing'
import { Output } from '../output/index.ts'
import { writeRun } from '../platform/run-file.ts'
import { impairmentOf } from './impair-options.ts'
import { type ImpairRunOptions, runImpair } from './impair-run.ts'

const MAIN = fileURLToPath(new URL('../main.ts', import.meta.url))

function parley(...args: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  return new Promise((resolve) => {
    execFile(process.execPath, [MAIN, ...args], { env: bareEnvironment() }, (error, stdout, stderr) =>
      resolve({ code: error ? Number(error.code) : 0, stdout, stderr }),
    )
  })
}

/** One run in this process, with a keyboard and a clock of the test's. */
function start(options: Partial<ImpairRunOptions> = {}, isLive = false) {
  const [stdout, stderr] = [new PassThrough(), Object.assign(new PassThrough(), { isTTY: isLive, columns: 200 })]
  const output = new Output({ stdout, stderr }, {})
  const clock = new ManualClock()
  let press: ((key: string) => void) | undefined
  let interrupt = () => {}
  const to = { host: '127.0.0.1', port: 9, isTls: false }
  const code = runImpair(
    {
      listen: { host: '127.0.0.1', port: 0 },
      to,
      udpTo: to,
      impairment: {},
      how: 'silent',
      seed: 1,
      json: false,
      forMs: undefined,
      ...options,
    },
    {
      output,
      clock,
      isLive,
      onKey(fn) {
        press = fn
        return () => {}
      },
      onInterrupt(fn) {
        interrupt = fn
        return () => {}
      },
    },
  )
  const said = { out: '', err: '' }
  stdout.on('data', (data) => {
    said.out += data
  })
  stderr.on('data', (data) => {
    said.err += data
  })
  return {
    code,
    clock,
    said,
    press: (key: string) => press?.(key),
    interrupt: () => interrupt(),
    says: (pattern: RegExp) =>
      eventually(() => (pattern.test(said.out + said.err) ? undefined : `${pattern} not in: ${said.out}${said.err}`)),
  }
}

test('[IMP4] it says what it relays, the network, the line to paste, each cut, and a summary', async () => {
  const flags = {
    loss: [{ direction: 'both' as const, value: 0.05 }],
    cut: [{ what: 'both' as const, atMs: 1_000, forMs: 3_000 }],
  }
  const run = start({ impairment: impairmentOf({ ...flags, how: 'reset' }), forMs: 10_000 })
  await run.says(/Use it: {2}parley caption FILE --url http:\/\/127\.0\.0\.1:(\d+) --udp-endpoint 127\.0\.0\.1:\1\n/)
  await run.says(/both ways: 5 % lost\n {2}cut: {2}TCP and UDP after 1 s for 3 s, connections reset\n/)
  run.clock.advance(10_000)
  assert.equal(await run.code, 0)
  assert.match(
    run.said.out,
    /0:01\.0 {2}cut: TCP and UDP, connections reset, for 3 s\n0:04\.0 {2}back: TCP and UDP, after 3 s\n/,
  )
  assert.match(run.said.out, /10 s, 1 cut; 0 TCP connections; 0 UDP sources\n$/)
})

test('[IMP6] keys cut, heal, change the address and end; the status is drawn over', async () => {
  const run = start({}, true)
  await run.says(/Use it/)
  run.clock.advance(1_500)
  assert.match(run.said.err, /\[K. 0:01\.5 open \| up 0 packets.*\| c cuts and heals, r changes the address, q quits/)
  run.press('c')
  await run.says(/0:01\.5 {2}cut: TCP and UDP, in silence, until healed/)
  run.clock.advance(500)
  assert.match(run.said.err, /CUT \(TCP, UDP\)/)
  run.press('c')
  await run.says(/0:02\.0 {2}back: TCP and UDP, after 500 ms/)
  run.press('r')
  await run.says(/0:02\.0 {2}new address: 0 UDP sources moved, 0 TCP connections reset/)
  run.press('x')
  run.press('q')
  assert.equal(await run.code, 0)
  const other = start({}, true)
  await other.says(/Use it/)
  other.press('\u0003')
  assert.equal(await other.code, 0)
})

test('[IMP5] for machines every line is an object', async () => {
  const run = start({ json: true, forMs: 2_500, impairment: { cuts: [{ atMs: 100, forMs: 200, what: 'udp' }] } })
  await run.says(/ready/)
  run.clock.advance(2_500)
  assert.equal(await run.code, 0)
  const lines = run.said.out
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>)
  assert.deepEqual(
    lines.map((line) => line.type),
    ['ready', 'cut', 'healed', 'status', 'status', 'summary'],
  )
  const { what, how, by, atMs, forMs } = lines[1] ?? {}
  assert.deepEqual({ what, how, by, atMs, forMs }, { what: 'udp', how: 'silent', by: 'plan', atMs: 100, forMs: 200 })
  assert.equal(lines.at(-1)?.why, 'time')
})

test('[IMP7] Ctrl-C is the usual end, and an early one when a time was given', async () => {
  const usual = start()
  await usual.says(/Use it/)
  usual.interrupt()
  assert.equal(await usual.code, 0)
  const early = start({ forMs: 1_000 })
  await early.says(/Use it/)
  early.interrupt()
  assert.equal(await early.code, 130)
})

test('[IMP7] as a process it ends within a second of Ctrl-C, with connections under way', async () => {
  const target = createServer((socket) => socket.on('error', () => {})).listen(0, '127.0.0.1')
  await once(target, 'listening')
  const to = `127.0.0.1:${(target.address() as AddressInfo).port}`
  const args = ['impair', '--to', to, '--listen', '0', '--delay', '5s', '--json']
  const child = spawn(process.execPath, [MAIN, ...args])
  let stdout = ''
  child.stdout.on('data', (data) => {
    stdout += data
  })
  await eventually(() => (stdout.includes('\n') ? undefined : 'not ready'), { withinMs: 20_000 })
  const { tcp } = JSON.parse(stdout.split('\n', 1)[0] ?? '') as { tcp: { port: number } }
  const caller = connect(tcp.port, '127.0.0.1').on('error', () => {})
  await once(caller, 'connect')
  const startMs = systemClock.nowMs()
  child.kill('SIGINT')
  const [code] = (await once(child, 'close')) as [number]
  assert.equal(code, 0)
  // A second, and what a busy machine adds.
  assert.ok(systemClock.nowMs() - startMs < 2_000 * PATIENCE)
  caller.destroy()
  target.close()
  assert.match(stdout, /"type":"summary","why":"interrupted"/)
})

test('[IMP7] a taken port is exit code 3 and names the way out', async () => {
  const server = http.createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const { code, stderr } = await parley('impair', '--to', '127.0.0.1:9', '--listen', String(port))
  assert.deepEqual(
    [code, stderr],
    [3, `parley: 127.0.0.1:${port} is taken; give another port with --listen, or 0 for a free one\n`],
  )
  server.close()
})

test('[IMP1] a wrong value is refused with the right form, exit code 2', async () => {
  const { code, stderr } = await parley('impair', '--to', '127.0.0.1:9', '--loss', '5')
  assert.equal(code, 2)
  assert.match(stderr, /option '--loss <share>' argument '5' is invalid\. "5" is not a share with its sign, such as 5%/)
  const late = await parley('impair', '--to', '127.0.0.1:9', '--delay', '2h')
  assert.deepEqual([late.code, /up\.delayMs is 7200000; it must be/.test(late.stderr)], [2, true])
})

/** A platform as its run file and its admin listener show it. */
async function fakePlatform(health: object) {
  const dataDir = await mkdtemp(path.join(tmpdir(), 'parley-impair-'))
  await mkdir(path.join(dataDir, 'run'))
  const admin = http.createServer((_, response) => response.end(JSON.stringify(health))).listen(0, '127.0.0.1')
  await once(admin, 'listening')
  const adminUrl = `http://127.0.0.1:${(admin.address() as AddressInfo).port}`
  const url = 'https://0.0.0.0:8443'
  await writeRun(dataDir, {
    url,
    pid: process.pid,
    adminUrl,
    podPid: process.pid,
    caFile: '/some/ca.pem',
    startedAtMs: 1,
  })
  return {
    dataDir,
    async [Symbol.asyncDispose]() {
      admin.close()
      await rm(dataDir, { recursive: true, force: true })
    },
  }
}

test('[IMP3] without --to it finds the running platform and its UDP port', async () => {
  await using platform = await fakePlatform({ udp: { port: 8444 } })
  const { code, stdout } = await parley('impair', '--data-dir', platform.dataDir, '--listen', '0', '--for', '10ms')
  assert.equal(code, 0)
  assert.match(stdout, /relays TCP to 127\.0\.0\.1:8443, UDP to 127\.0\.0\.1:8444; seed 1/)
  assert.match(stdout, /--url https:\/\/127\.0\.0\.1:\d+ --udp-endpoint \S+ --ca \/some\/ca\.pem\n/)
})

test('[IMP3] a platform without UDP is relayed by TCP only, and that is said; none is exit code 5', async () => {
  await using platform = await fakePlatform({})
  const tcpOnly = await parley('impair', '--data-dir', platform.dataDir, '--listen', '0', '--for', '10ms')
  assert.deepEqual([tcpOnly.code, /UDP not relayed/.test(tcpOnly.stdout)], [0, true])
  assert.match(tcpOnly.stderr, /takes no audio over UDP/)
  const none = await parley('impair', '--data-dir', path.join(platform.dataDir, 'none'))
  assert.deepEqual([none.code, /start one with \.\/parley up/.test(none.stderr)], [5, true])
})

test('[IMP8] off the loopback it warns, on it it does not', async () => {
  const run = start({ listen: { host: '0.0.0.0', port: 0 }, forMs: 10 })
  await run.says(/parley: whoever reaches this address reaches the platform as if from this machine/)
  await run.says(/--url http:\/\/127\.0\.0\.1:/)
  run.clock.advance(10)
  await run.code
  const near = start({ forMs: 10 })
  await near.says(/Use it/)
  near.clock.advance(10)
  await near.code
  assert.equal(near.said.err, '')
})
