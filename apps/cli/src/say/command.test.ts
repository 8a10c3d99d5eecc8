// The command as a whole against the fake pod: real sockets, real files, a player that writes down what it plays.
import assert from 'node:assert/strict'
import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { Readable, Writable } from 'node:stream'
import { after, before, test } from 'node:test'
import { parseWav } from '@parley/audio'
import { type FakePod, type FakePodOptions, fakeSpeechOf, startFakePod } from '@parley/client/testing'
import { systemClock } from '@parley/kernel'
import { eventually } from '@parley/kernel/testing'
import type { TerminalIo } from '../terminal-io.ts'
import { type SayOptions, sayCommand } from './command.ts'
import { summaryText } from './summary.ts'

let folder: string
const pods: FakePod[] = []

before(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'parley-say-'))
})
after(async () => {
  for (const pod of pods) await pod.close()
  await rm(folder, { recursive: true, force: true })
})

async function fakePod(options: FakePodOptions = {}): Promise<FakePod> {
  const pod = await startFakePod(options)
  pods.push(pod)
  return pod
}

class Collector extends Writable {
  readonly chunks: Buffer[] = []
  override _write(chunk: Buffer, _encoding: string, done: (error?: Error) => void): void {
    this.chunks.push(chunk)
    done()
  }
  get bytes(): Buffer {
    return Buffer.concat(this.chunks)
  }
  get text(): string {
    return this.bytes.toString()
  }
}

function start(options: Partial<SayOptions>, io: Partial<TerminalIo> = {}) {
  const [out, err] = [new Collector(), new Collector()]
  let onInterrupt = (): void => {}
  const code = sayCommand(
    { text: [], ...options },
    {
      stdin: Readable.from([]),
      stdout: out,
      stderr: err,
      env: { PARLEY_DATA_DIR: path.join(folder, 'data'), HOME: folder, PATH: '' },
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
    },
  )
  return { out, err, code, interrupt: () => onInterrupt() }
}

const address = (pod: FakePod) => ({ url: pod.url, key: pod.apiKey })
const until = (what: string, condition: () => boolean) => eventually(() => (condition() ? undefined : what))

const allowsFrames =
  (frames: number): FakePodOptions['onSession'] =>
  ({ voice }) => {
    voice.allowedFrames = frames
  }

async function wavOf(file: string) {
  const parsed = parseWav(await readFile(file))
  assert.ok(parsed.ok)
  return parsed.value
}

/** A folder with a program `name` that runs `script`. */
async function programs(name: string, script: string): Promise<string> {
  const bin = await mkdtemp(path.join(folder, 'bin-'))
  const file = path.join(bin, name)
  await writeFile(file, `#!/bin/sh\n${script}\n`)
  await chmod(file, 0o755)
  return bin
}
const withPath = (bin: string): Partial<TerminalIo> => ({
  env: { PARLEY_DATA_DIR: path.join(folder, 'data'), HOME: folder, PATH: `${bin}${path.delimiter}/usr/bin:/bin` },
})

test('[SAY1, SAY2] a text becomes a whole WAV file, options reach the platform, the summary is on standard error', async () => {
  const pod = await fakePod()
  const file = path.join(folder, 'out.wav')
  const options = { text: ['good', 'morning'], out: file, voice: 'fake', language: 'en', rate: 1.5 }
  const { out, err, code } = start({ ...options, ...address(pod) })
  assert.equal(await code, 0, err.text)
  const wav = await wavOf(file)
  assert.deepEqual([wav.sampleRateHz, wav.isCutShort], [16_000, false])
  assert.deepEqual(wav.samples, fakeSpeechOf('good morning'))
  assert.equal(out.text, '')
  assert.match(err.text, /^0\.2 s by fake \(en\), first audio after \d+ ms: .*out\.wav\n$/)
  const { text, voice, language, rateRatio, leadMs } = pod.last.voice.requests[0] ?? {}
  assert.deepEqual([text, voice, language, rateRatio, leadMs], ['good morning', 'fake', 'en', 1.5, 3_600_000])
  assert.equal(pod.sessions.length, 0)
})

test('[SAY1, SAY2] standard input is the text, also a long one cut anywhere; standard output is a WAV stream', async () => {
  const pod = await fakePod()
  const text = 'Sch\u00f6ne Gr\u00fc\u00dfe \u{1f600}. '.repeat(300)
  const bytes = Buffer.from(text)
  const chunks = Array.from({ length: Math.ceil(bytes.length / 7) }, (_, n) => bytes.subarray(7 * n, 7 * n + 7))
  const { out, err, code } = start({ text: ['-'], out: '-', ...address(pod) }, { stdin: Readable.from(chunks) })
  assert.equal(await code, 0, err.text)
  const parsed = parseWav(out.bytes)
  assert.ok(parsed.ok)
  assert.equal(parsed.value.samples.length, text.length * 320)
  assert.ok(pod.requests.includes('POST /v1/sessions'))
})

test('[SAY1] a text with nothing to say in it is a WAV file without samples', async () => {
  const pod = await fakePod()
  const file = path.join(folder, 'empty.wav')
  const { err, code } = start({ text: [''], out: file, ...address(pod) })
  assert.equal(await code, 0, err.text)
  assert.equal((await wavOf(file)).samples.length, 0)
})

test('[SAY3] a player of this machine is given the samples at their rate, and is waited for', async () => {
  const pod = await fakePod()
  const played = path.join(folder, 'played')
  const bin = await programs('paplay', `echo "$@" > ${played}.args; cat > ${played}`)
  const { err, code } = start({ text: ['hello'], ...address(pod) }, withPath(bin))
  assert.equal(await code, 0, err.text)
  assert.equal(await readFile(`${played}.args`, 'utf8'), '--raw --format=s16le --channels=1 --rate=16000\n')
  assert.deepEqual(await readFile(played), Buffer.from(fakeSpeechOf('hello').buffer))
  assert.equal(pod.last.voice.requests[0]?.leadMs, undefined)
})

test('[SAY3] without a player, or with one that fails, it is said what to do', async () => {
  const pod = await fakePod()
  const none = start({ text: ['hello'], play: true, ...address(pod) })
  assert.equal(await none.code, 2)
  assert.match(none.err.text, /aplay, paplay, ffplay, play.*apt-get install alsa-utils.*--out FILE\.wav/)
  assert.equal(pod.requests.length, 0)
  const bin = await programs('aplay', 'echo "audio open error: No such file" >&2; exit 1')
  const broken = start({ text: ['hello'], play: true, ...address(pod) }, withPath(bin))
  assert.equal(await broken.code, 1)
  assert.match(broken.err.text, /aplay does not play: audio open error: No such file/)
})

test('[SAY4, SAY5] voices are listed, of one language if asked; as JSON too; none is a failure that is explained', async () => {
  const voices = [
    { name: 'slt', language: 'en-US', engine: 'flite' },
    { name: 'espeak-es', language: 'es', engine: 'espeak-ng' },
  ]
  const pod = await fakePod({ voices })
  const all = start({ voices: true, ...address(pod) })
  assert.equal(await all.code, 0)
  assert.equal(all.out.text, 'slt        en-US  flite\nespeak-es  es     espeak-ng\n')
  const english = start({ voices: true, language: 'EN', json: true, ...address(pod) })
  assert.equal(await english.code, 0)
  assert.deepEqual(JSON.parse(english.out.text), { voices: [voices[0]] })
  const none = start({ voices: true, language: 'fr', ...address(pod) })
  assert.equal(await none.code, 1)
  assert.match(none.err.text, /no voice speaks it/)
  const wrongKey = start({ voices: true, url: pod.url, key: 'pk_wrong' })
  assert.equal(await wrongKey.code, 4)
})

test('[SAY5] the summary as one JSON object', async () => {
  const pod = await fakePod()
  const file = path.join(folder, 'json.wav')
  const { out, code } = start({ text: ['hello'], out: file, json: true, ...address(pod) })
  assert.equal(await code, 0)
  const { firstAudioMs, ...summary } = JSON.parse(out.text) as { firstAudioMs: number }
  assert.ok(firstAudioMs >= 0)
  assert.deepEqual(summary, {
    ...{ type: 'summary', outcome: 'ended', samples: 1_600, sampleRateHz: 16_000, durationMs: 100 },
    ...{ voice: 'fake', language: 'en', file },
  })
})

test('[SAY6] what cannot be meant is refused before anything is sent', async () => {
  const pod = await fakePod()
  const wrong: readonly [Partial<SayOptions>, Partial<TerminalIo>, RegExp][] = [
    [{ text: [] }, {}, /nothing to say/],
    [{ text: ['x'], out: 'a.wav', play: true }, {}, /exclude each other/],
    [{ text: ['x'], out: '-', json: true }, {}, /both write to standard output/],
    [{ text: ['-'], out: 'a.wav' }, { stdin: Readable.from([Buffer.alloc(1_100_000, 'x')]) }, /1000000 characters/],
  ]
  for (const [options, io, words] of wrong) {
    const { err, code } = start({ ...options, ...address(pod) }, io)
    assert.equal(await code, 2)
    assert.match(err.text, words)
  }
  const terminal = Object.assign(new Collector(), { isTTY: true })
  assert.equal(await start({ text: ['x'], out: '-', ...address(pod) }, { stdout: terminal }).code, 2)
  assert.deepEqual(pod.requests, [])
  const nowhere = start({ text: ['x'], out: path.join(folder, 'a.wav') })
  assert.equal(await nowhere.code, 3)
  assert.match(nowhere.err.text, /start it with \.\/parley up/)
})

test('[SAY7] every way to fail has its code and its next step', async () => {
  const pod = await fakePod()
  const file = path.join(folder, 'failed.wav')
  const attempt = (more: Partial<SayOptions> = {}) => start({ text: ['hello'], out: file, ...address(pod), ...more })
  assert.equal(await attempt({ key: 'pk_wrong' }).code, 4)
  assert.equal(await attempt({ url: 'http://127.0.0.1:9' }).code, 3)
  const cannotWrite = attempt({ out: path.join(folder, 'no', 'such', 'folder.wav') })
  assert.equal(await cannotWrite.code, 2)
  assert.match(cannotWrite.err.text, /cannot write .*folder\.wav: ENOENT/)
})

test('[SAY7] what the platform refuses, and what breaks off, is told with its code', async () => {
  const file = path.join(folder, 'refused.wav')
  const failures = [
    ['VOICE_UNKNOWN', 4],
    ['NO_SLOT', 4],
    ['SYNTHESIS_FAILED', 1],
  ] as const
  for (const [code, exit] of failures) {
    const pod = await fakePod({
      onSession: ({ voice }) => {
        voice.refusal = { code, details: { message: 'because' } }
      },
    })
    const run = start({ text: ['hello'], out: file, ...address(pod) })
    assert.equal(await run.code, exit)
    assert.match(run.err.text, new RegExp(`because\\..*\\(${code}\\)`))
  }
  const pod = await fakePod({ onSession: allowsFrames(1) })
  const cut = start({ text: ['hello'], out: file, ...address(pod) })
  await until('audio', () => pod.sessions[0]?.voice.allowedFrames === 0)
  pod.last.end('deleted')
  assert.equal(await cut.code, 5)
})

test('[SAY8] the first Ctrl-C stops the speech and keeps a whole file; one before it leaves at once', async () => {
  const pod = await fakePod({ onSession: allowsFrames(3) })
  const file = path.join(folder, 'stopped.wav')
  const run = start({ text: ['a long text'], out: file, ...address(pod) })
  await eventually(async () => ((await readFile(file).catch(() => '')).length === 44 + 3 * 640 ? undefined : 'no file'))
  run.interrupt()
  assert.equal(await run.code, 130)
  const wav = await wavOf(file)
  assert.deepEqual([wav.samples, wav.isCutShort], [fakeSpeechOf('a long text').slice(0, 960), false])
  assert.match(run.err.text, /0\.1 s by fake \(en\).*, then stopped: /)
  assert.equal(pod.last.voice.cancels.length, 1)
  pod.hangNext('hello')
  const early = start({ text: ['x'], out: file, ...address(pod) })
  await until('session', () => pod.sessions.length === 1)
  early.interrupt()
  assert.equal(await early.code, 130)
})

test('[SAY8] Ctrl-C silences a player at once', async () => {
  const pod = await fakePod()
  const bin = await programs('aplay', 'exec sleep 60')
  const run = start({ text: ['hello'], ...address(pod) }, withPath(bin))
  await until('said', () => pod.sessions[0]?.voice.requests.length === 1)
  run.interrupt()
  assert.equal(await run.code, 130)
})

test('[SAY9] a reader that goes away ends the command and the session', async () => {
  const pod = await fakePod()
  const gone = new Writable({
    write(_chunk, _encoding, done) {
      done(Object.assign(new Error('write EPIPE'), { code: 'EPIPE' }))
    },
  })
  const run = start({ text: ['hello there'], out: '-', ...address(pod) }, { stdout: gone })
  assert.equal(await run.code, 141)
  await until('session closed', () => pod.last.state !== 'active')
})

test('[SAY1] the summary in words, also of what broke off', () => {
  assert.equal(summaryText({ outcome: 'failed', samples: 0 }, undefined), '0.0 s, then it broke off')
})
