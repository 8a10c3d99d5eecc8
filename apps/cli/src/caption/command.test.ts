// The command as a whole against the fake pod: real sockets, real pace, streams of the test's own.
import assert from 'node:assert/strict'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { PassThrough, Readable, Writable } from 'node:stream'
import { after, before, test } from 'node:test'
import { encodeWav } from '@parley/audio'
import { codecAvailability } from '@parley/audio/codecs'
import { type FakePod, type FakePodOptions, scriptOf, startFakePod } from '@parley/client/testing'
import { sleep, systemClock } from '@parley/kernel'
import { eventually } from '@parley/kernel/testing'
import { writeRun } from '../platform/run-file.ts'
import type { TerminalIo } from '../terminal-io.ts'
import { type CaptionOptions, captionCommand, parseEndpoint } from './command.ts'

let folder: string
let wavFile: string
const pods: FakePod[] = []

before(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'parley-caption-'))
  wavFile = path.join(folder, 'speech.wav')
  await writeFile(wavFile, encodeWav(new Int16Array(16_000), 16_000))
})
after(async () => {
  for (const pod of pods) await pod.close()
  await rm(folder, { recursive: true, force: true })
})

async function fakePod(options: FakePodOptions = {}): Promise<FakePod> {
  const pod = await startFakePod({ script: [{ text: 'good morning', startMs: 100, endMs: 500 }], ...options })
  pods.push(pod)
  return pod
}

class Collector extends Writable {
  text = ''
  override _write(chunk: Buffer, _encoding: string, done: (error?: Error) => void): void {
    this.text += chunk.toString()
    done()
  }
}

interface Run {
  readonly out: Collector
  readonly err: Collector
  readonly code: Promise<number>
  interrupt(): void
}

function start(options: CaptionOptions, io: Partial<TerminalIo> = {}): Run {
  const [out, err] = [new Collector(), new Collector()]
  let onInterrupt = (): void => {}
  const code = captionCommand(options, {
    stdin: Readable.from([]),
    stdout: out,
    stderr: err,
    env: { PARLEY_DATA_DIR: path.join(folder, 'data'), HOME: folder },
    cwd: folder,
    homeDir: folder,
    clock: systemClock,
    onInterrupt(fn) {
      onInterrupt = fn
      return () => {
        onInterrupt = () => {}
      }
    },
    ...io,
  })
  return { out, err, code, interrupt: () => onInterrupt() }
}

const address = (pod: FakePod) => ({ url: pod.url, key: pod.apiKey })
const lines = (text: string) => text.trim().split('\n')

test('[CC1] a file becomes finals on standard output, the summary on standard error, exit code 0', async () => {
  const pod = await fakePod()
  const { out, err, code } = start({ file: wavFile, ...address(pod) })
  assert.equal(await code, 0, err.text)
  assert.equal(out.text, 'good morning\n')
  assert.match(
    err.text,
    /^audio over WebSocket: .*\n2 words in 1 final, lag p50 \d+ ms, p95 \d+ ms, audio over WebSocket\n$/,
  )
  assert.equal(pod.sessions.length, 0)
})

test('[CC1, CC13] as JSON every line is an object, the summary is the last', async () => {
  const pod = await fakePod()
  const { out, code } = start({ file: wavFile, json: true, watchLink: true, ...address(pod) })
  assert.equal(await code, 0)
  const objects = lines(out.text).map((line) => JSON.parse(line) as { type: string; lagMs?: number })
  assert.deepEqual(
    objects.map((object) => object.type),
    ['transport', 'speech', 'watch-link', 'partial', 'partial', 'final', 'summary'],
  )
  // The frame with the last speech (480..500 ms) was due at 480; the final came with the frame due at 780.
  const lagMs = objects[5]?.lagMs ?? 0
  assert.ok(lagMs >= 295, `lag ${lagMs}`)
  assert.deepEqual(Object.keys(objects.at(-1) ?? {}), [
    ...['type', 'words', 'finals', 'abandoned', 'unanswered', 'audioMs', 'droppedMs'],
    ...['interruptions', 'resentMs', 'transport', 'lagP50Ms', 'lagP95Ms'],
  ])
})

test('[CC2] raw samples of a foreign rate are resampled, and each codec of this machine travels', async () => {
  const available = (await codecAvailability()).filter((codec) => codec.isAvailable).map(({ codec }) => codec)
  for (const codec of available) {
    const pod = await fakePod()
    const { out, err, code } = start(
      { file: '-', rate: 22_050, codec, ...address(pod) },
      { stdin: Readable.from([Buffer.alloc(2 * 22_050)]) },
    )
    assert.equal(await code, 0, err.text)
    assert.equal(out.text, 'good morning\n')
    const { frames, format } = pod.last
    assert.equal(format?.codec, codec)
    assert.equal(format?.sampleRateHz, 16_000)
    assert.equal(frames.length, codec === 'lc3' ? 100 : 50)
    assert.deepEqual(
      frames.map((frame) => frame.seq),
      frames.map((_, index) => index),
    )
  }
})

test('[CC2] a rate the protocol has is sent as it is', async () => {
  const pod = await fakePod()
  const file = path.join(folder, '48k.wav')
  await writeFile(file, encodeWav(new Int16Array(48_000 / 5), 48_000))
  assert.equal(await start({ file, ...address(pod) }).code, 0)
  assert.equal(pod.last.format?.sampleRateHz, 48_000)
})

test('[CC3] the platform, key and certificate of this machine are found by themselves', async () => {
  const pod = await fakePod()
  const nothing = start({ file: wavFile })
  assert.equal(await nothing.code, 3)
  assert.match(nothing.err.text, /no platform runs on this machine: start it with \.\/parley up/)
  const dataDir = path.join(folder, 'data')
  await mkdir(path.join(dataDir, 'run'), { recursive: true })
  const run = { url: pod.url, pid: process.pid, adminUrl: 'http://localhost:1', podPid: process.pid, startedAtMs: 1 }
  await writeRun(dataDir, run)
  const noKey = start({ file: wavFile })
  assert.equal(await noKey.code, 4)
  assert.match(noKey.err.text, /there is no key.*PARLEY_API_KEY/)
  await writeFile(path.join(dataDir, 'apiKey'), `${pod.apiKey}\n`)
  const found = start({ file: wavFile })
  assert.equal(await found.code, 0, found.err.text)
  const env = { PARLEY_DATA_DIR: dataDir, PARLEY_API_KEY: 'wrong' }
  assert.equal(await start({ file: wavFile }, { env }).code, 4)
  const badCa = start({ file: wavFile, ca: wavFile })
  assert.equal(await badCa.code, 2)
  assert.match(badCa.err.text, /is not a PEM certificate/)
})

test('[CC4] exit codes tell failures apart, and each names the next step', async () => {
  const pod = await fakePod()
  const expectations: [Partial<CaptionOptions>, number, RegExp][] = [
    [{ file: 'none.wav' }, 2, /there is no such file/],
    [{ url: 'nonsense' }, 2, /is not an address/],
    [{ url: 'http://localhost:1' }, 3, /nothing listens at http:\/\/localhost:1\. Start it with \.\/parley up/],
    [{ key: 'wrong' }, 4, /No valid credential/],
    [{ language: 'tlh' }, 4, /no engine recognises "tlh"; possible: en/],
  ]
  for (const [options, expected, message] of expectations) {
    const { code, err, out } = start({ file: wavFile, ...address(pod), ...options })
    assert.equal(await code, expected, err.text)
    assert.match(err.text, message)
    assert.equal(out.text, '')
  }
  pod.answerNext(502, 'text/html', '<h1>Bad Gateway</h1>')
  assert.equal(await start({ file: wavFile, ...address(pod) }).code, 3)
  pod.refuseNext('create', 'NO_SLOT', { retryAfterMs: 60_000 })
  assert.equal(await start({ file: wavFile, ...address(pod) }).code, 4)
})

test('[CC4] a place that is not free yet is waited for, which is said', async () => {
  const pod = await fakePod()
  pod.refuseNext('create', 'NO_SEAT', { retryAfterMs: 40 })
  const { code, err } = start({ file: wavFile, ...address(pod) })
  assert.equal(await code, 0, err.text)
  assert.match(err.text, /no free place yet; trying again in 0\.0 s/)
})

test('[CC4] a platform that has answered is asked again also when it cannot be reached after that', async () => {
  const pod = await fakePod()
  pod.refuseNext('create', 'NO_SEAT', { retryAfterMs: 1_000 })
  const { code, err } = start({ file: wavFile, ...address(pod) })
  await eventually(() => (err.text.includes('no free place') ? undefined : 'not asked yet'))
  pod.setNetwork('down')
  await eventually(() => (err.text.includes('cannot be reached') ? undefined : err.text))
  pod.setNetwork('up')
  assert.equal(await code, 0, err.text)
})

test('[CC5] lost for good is 5, whether the connection broke or the platform said goodbye', async () => {
  for (const end of ['cut', 'draining'] as const) {
    const pod = await fakePod()
    const { code, err } = start({ file: wavFile, resume: false, ...address(pod) })
    await eventually(() => (pod.sessions[0] && pod.sessions[0].frames.length > 10 ? undefined : 'no audio yet'))
    if (end === 'cut') pod.last.cut()
    else pod.last.end('draining')
    assert.equal(await code, 5)
    assert.match(err.text, end === 'cut' ? /the connection broke/ : /the platform ended the session/)
  }
  const pod = await fakePod({ graceMs: 600 })
  const { code, err } = start({ file: wavFile, ...address(pod) })
  await eventually(() => (pod.sessions[0] && pod.sessions[0].frames.length > 10 ? undefined : 'no audio yet'))
  pod.setNetwork('down')
  assert.equal(await code, 5)
  assert.match(err.text, /connection lost; trying again[\s\S]*could not be made again within 1 s/)
})

test('[CC9] an interruption is ridden through: said in plain words, the transcript whole, exit code 0', async () => {
  const pod = await fakePod({ script: [{ text: 'good morning everyone', startMs: 100, endMs: 700 }], udp: true })
  const { code, err, out } = start({ file: wavFile, ...address(pod) })
  await eventually(() => ((pod.sessions[0]?.mediaMs ?? 0) > 300 ? undefined : 'not spoken yet'))
  const session = pod.last
  pod.udp.isBlackHole = true
  pod.setNetwork('down')
  await eventually(() =>
    /connection lost; trying again \(keeps 60 s of speech\)/.test(err.text) ? undefined : err.text,
  )
  await sleep(systemClock, 300)
  pod.setNetwork('up')
  assert.equal(await code, 0, err.text)
  assert.equal(out.text, 'good morning everyone\n')
  assert.match(err.text, /^audio over UDP\n/)
  assert.match(err.text, /back after \d\.\d s; \d\.\d s of speech sent again\n/)
  assert.match(
    err.text,
    /3 words in 1 final.*, audio over (UDP|WebSocket)\n1 interruption, \d\.\d s of speech sent again\n$/,
  )
  assert.deepEqual(
    session.frames.map((frame) => frame.mediaTime),
    Array.from({ length: 50 }, (_, index) => index * 320),
  )
})

test('[CC9] [CC13] as JSON an interruption and the way audio travels are objects', async () => {
  const pod = await fakePod({ udp: true })
  const { code, out } = start({ file: wavFile, json: true, ...address(pod) })
  await eventually(() => ((pod.sessions[0]?.mediaMs ?? 0) > 300 ? undefined : 'not spoken yet'))
  pod.last.cut()
  assert.equal(await code, 0)
  const objects = lines(out.text).map(
    (line) => JSON.parse(line) as { type: string; state?: string; transport?: string },
  )
  assert.deepEqual(
    objects.filter(({ type }) => type === 'connection').map(({ state }) => state),
    ['reconnecting', 'resumed'],
  )
  assert.equal(objects.find(({ type }) => type === 'transport')?.transport, 'udp')
  const summary = objects.at(-1) as { interruptions?: number; resentMs?: number }
  assert.equal(summary.interruptions, 1)
})

test('[CC9] UDP can be switched off, and sent elsewhere', async () => {
  const pod = await fakePod({ udp: true })
  const off = start({ file: wavFile, udp: 'off', ...address(pod) })
  assert.equal(await off.code, 0)
  assert.doesNotMatch(off.err.text, /audio over UDP/)
  assert.equal(pod.udp.packets, 0)
  const astray = start({ file: wavFile, udpEndpoint: { host: '127.0.0.1', port: 9 }, ...address(pod) })
  assert.equal(await astray.code, 0)
  assert.equal(pod.udp.packets, 0)
  for (const [text, expected] of [
    ['relay.example:7000', { host: 'relay.example', port: 7000 }],
    ['[::1]:7', { host: '::1', port: 7 }],
  ] as const) {
    assert.deepEqual(parseEndpoint(text), expected)
  }
  for (const text of ['relay', 'relay:0', 'relay:70000', ':7', 'a b:7', '::1:7']) {
    assert.throws(() => parseEndpoint(text), /HOST:PORT/, text)
  }
})

test('[CC5] what was not answered is 1: an utterance given up, no answer to the end', async () => {
  const pod = await fakePod()
  const { code, err } = start({ file: wavFile, ...address(pod) })
  await eventually(() => ((pod.sessions[0]?.mediaMs ?? 0) > 300 ? undefined : 'not spoken yet'))
  pod.last.abandon()
  assert.equal(await code, 1)
  assert.match(err.text, /1 utterance unanswered/)
})

test('[CC5] nonsense from the platform is told and survived', async () => {
  const pod = await fakePod()
  const { code, err, out } = start({ file: wavFile, ...address(pod) })
  await eventually(() => (pod.sessions[0]?.isConnected ? undefined : 'not connected'))
  pod.last.sayRaw('{"type":"caption","text":7}')
  assert.equal(await code, 0)
  assert.match(err.text, /broke the protocol.*BAD_ANSWER/)
  assert.equal(out.text, 'good morning\n')
})

test('[CC6] Ctrl-C ends the audio, waits for the last final and says goodbye; exit code 130', async () => {
  const pod = await fakePod({ script: scriptOf(['good morning everyone'], 0) })
  const stdin = new PassThrough()
  stdin.write(Buffer.alloc(2 * 16_000 * 2))
  const { code, err, out, interrupt } = start({ file: '-', rate: 16_000, ...address(pod) }, { stdin })
  await eventually(() => ((pod.sessions[0]?.mediaMs ?? 0) > 500 ? undefined : 'not spoken yet'))
  const session = pod.last
  interrupt()
  assert.equal(await code, 130)
  assert.match(out.text, /^good morning/)
  assert.match(err.text, /press Ctrl-C again/)
  assert.deepEqual(
    session.messages.map((message) => message.type).filter((type) => type !== 'pong'),
    ['hello', 'audio.end', 'bye'],
  )
  assert.equal(stdin.destroyed, true)
})

test('[CC6] a second Ctrl-C leaves at once', async () => {
  const pod = await fakePod()
  const { code, interrupt } = start({ file: wavFile, ...address(pod) })
  await eventually(() => (pod.sessions[0]?.isConnected ? undefined : 'not connected'))
  pod.last.fallSilent()
  interrupt()
  interrupt()
  assert.equal(await code, 130)
})

test('[CC6] Ctrl-C before the connection stands waits for nothing', async () => {
  const pod = await fakePod()
  pod.hangNext('hello')
  const { code, interrupt } = start({ file: wavFile, ...address(pod) })
  await eventually(() => (pod.requests.some((request) => request.startsWith('UPGRADE')) ? undefined : 'no socket'))
  interrupt()
  assert.equal(await code, 130)
})

test('[CC7] when the reader of the output goes away, so does the command', async () => {
  const pod = await fakePod()
  const broken = new Writable({
    write(_chunk, _encoding, done) {
      done(Object.assign(new Error('write EPIPE'), { code: 'EPIPE' }))
    },
  })
  const { code } = start({ file: wavFile, json: true, ...address(pod) }, { stdout: broken })
  assert.equal(await code, 141)
  await eventually(() => (pod.sessions.length === 0 || !pod.last.isConnected ? undefined : 'still connected'))
})

test('[CC8] a watch link is printed at the start, aside from the captions', async () => {
  const pod = await fakePod()
  const { code, err, out } = start({ file: wavFile, watchLink: true, ...address(pod) })
  assert.equal(await code, 0)
  assert.match(err.text, /\nwatch: http:\/\/localhost:\d+\/watch#/)
  assert.equal(out.text, 'good morning\n')
})
