// Texts said by the platform as it is shipped: real engines, real processes, real sockets, and a recogniser that listens to what comes of it.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { after, before, test } from 'node:test'
import { parseWav } from '@parley/audio'
import { createSession, type ParleySession, type ParleySpeech } from '@parley/client'
import { systemClock } from '@parley/kernel'
import { eventually } from '@parley/kernel/testing'
import { type Address, startRelay } from '@parley/lab'
import { wordErrors, words } from '../../benchmarks/lib/stats.ts'
import { type Platform, parley, startPlatform } from '../lib/platform.ts'

const TEXT =
  'Good morning and welcome. The meeting begins at ten. Please bring your own computer. We will have lunch together at noon.'

let platform: Platform
let folder: string

before(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'parley-speech-'))
  platform = await startPlatform([
    '--workers',
    '2',
    '--set',
    'speech.slotsPerWorker=1',
    '--set',
    'worker.roles=recognise,synthesise',
  ])
})
after(async () => {
  const { code } = await platform.stop()
  await rm(folder, { recursive: true, force: true })
  assert.equal(code, 0)
})

const run = (args: readonly string[], input?: Uint8Array) =>
  parley([...args, '--url', platform.url, '--key', platform.apiKey], input ? { input } : {}).finished

async function connected(url = platform.url): Promise<ParleySession> {
  const session = await createSession({ url, apiKey: platform.apiKey, udp: 'off' })
  await session.connect()
  return session
}

async function samplesOf(speech: ParleySpeech, onAudio: (samples: number) => void = () => {}): Promise<Int16Array> {
  const whole: number[] = []
  for await (const { mediaTime, samples } of speech) {
    assert.equal(mediaTime, whole.length)
    whole.push(...samples)
    onAudio(whole.length)
  }
  return Int16Array.from(whole)
}

/** Workers that run now: children of the supervisor that are not the pod. */
function workerPids(): number[] {
  const list = execFileSync('ps', ['-o', 'pid=', '--ppid', String(platform.pid)], { encoding: 'utf8' })
  return list
    .split('\n')
    .map((line) => Number(line.trim()))
    .filter((pid) => pid > 0 && pid !== platform.podPid)
}

test('what `parley say` says is understood by the recogniser', async () => {
  const file = path.join(folder, 'said.wav')
  const said = await run(['say', TEXT, '--voice', 'slt', '--out', file])
  assert.equal(said.code, 0, said.stderr)
  const parsed = parseWav(await readFile(file))
  assert.ok(parsed.ok && !parsed.value.isCutShort)
  const heard = await run(['caption', file])
  assert.equal(heard.code, 0, heard.stderr)
  const errors = wordErrors(words(TEXT), words(heard.stdout))
  assert.ok(errors <= words(TEXT).length * 0.25, `${errors} errors: ${heard.stdout}`)
})

test('a speech is heard at the pace it is spoken; cancelled, it is silent at once and its slot is free', async () => {
  const session = await connected()
  const speech = session.speak(`${TEXT} ${TEXT}`)
  let isCancelled = false
  let late = 0
  let samples = 0
  speech.on('audio', (audio) => {
    samples += audio.samples.length
    if (isCancelled) late++
  })
  const startMs = systemClock.nowMs()
  await eventually(() => (samples > 16_000 ? undefined : 'no second of audio'))
  // A second of audio takes less than a second because some of it is sent ahead, and never much less.
  assert.ok(systemClock.nowMs() - startMs >= 400)
  isCancelled = true
  speech.cancel()
  const outcome = await speech.done
  assert.equal(outcome.kind, 'cancelled')
  const next = await samplesOf(session.speak('Next.', { leadMs: 3_600_000 }))
  assert.ok(next.length > 1_000)
  assert.equal(late, 0)
  await session.close()
})

test('a worker killed in the middle of a speech does not show: the same samples, none twice', async () => {
  const session = await connected()
  const undisturbed = await samplesOf(session.speak(TEXT, { voice: 'slt', leadMs: 3_600_000 }))
  const kills = new Map([
    [16_000, 0],
    [48_000, 1],
  ])
  const victims = workerPids()
  const disturbed = await samplesOf(session.speak(TEXT, { voice: 'slt' }), (samples) => {
    for (const [at, victim] of kills) {
      if (samples < at) continue
      kills.delete(at)
      process.kill(victims[victim] as number, 'SIGKILL')
    }
  })
  assert.equal(kills.size, 0)
  assert.equal(disturbed.length, undisturbed.length)
  assert.equal(
    disturbed.findIndex((sample, n) => sample !== undisturbed[n]),
    -1,
  )
  await session.close()
})

test('a connection cut in the middle of a speech does not show either', async () => {
  const undisturbedSession = await connected()
  const undisturbed = await samplesOf(undisturbedSession.speak(TEXT, { voice: 'slt', leadMs: 3_600_000 }))
  await undisturbedSession.close()
  const { hostname: host, port } = new URL(platform.url)
  const relay = await startRelay({ clock: systemClock, seed: 1, tcp: { to: { host, port: Number(port) } } })
  const { host: relayHost, port: relayPort } = relay.tcp as Address
  const session = await connected(`http://${relayHost}:${relayPort}`)
  let cuts = 0
  const disturbed = await samplesOf(session.speak(TEXT, { voice: 'slt' }), (samples) => {
    if (samples < 24_000 * (cuts + 1) || cuts === 2) return
    cuts++
    relay.cut({ what: 'tcp', how: 'reset', forMs: 500 })
  })
  assert.equal(session.stats.resumptions, 2)
  assert.equal(disturbed.length, undisturbed.length)
  assert.equal(
    disturbed.findIndex((sample, n) => sample !== undisturbed[n]),
    -1,
  )
  await session.close()
  await relay.close()
})
