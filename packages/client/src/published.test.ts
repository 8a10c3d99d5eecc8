// The package as it is published: built, put beside `ws` in an empty folder, used by plain Node, by the type checker and by a
// real browser under a strict content security policy.
import assert from 'node:assert/strict'
import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { after, before, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { scriptOf, startFakePod } from './testing/index.ts'

const run = promisify(execFile)
const HERE = path.dirname(fileURLToPath(import.meta.url))
const require = createRequire(import.meta.url)

let folder: string
let built: string

before(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'parley-published-'))
  built = path.join(folder, 'node_modules/@parley/client')
  await mkdir(path.dirname(built), { recursive: true })
  await run(process.execPath, [path.join(HERE, '../build.ts'), built])
  await symlink(path.dirname(require.resolve('ws/package.json')), path.join(folder, 'node_modules/ws'))
})
after(() => rm(folder, { recursive: true, force: true }))

function output(child: ChildProcess): Promise<{ code: number | null; stdout: string; stderr: string }> {
  const { promise, resolve } = Promise.withResolvers<{ code: number | null; stdout: string; stderr: string }>()
  const texts = { stdout: '', stderr: '' }
  for (const name of ['stdout', 'stderr'] as const) {
    child[name]?.on('data', (chunk: Buffer) => {
      texts[name] += chunk.toString()
    })
  }
  child.on('close', (code) => resolve({ code, ...texts }))
  return promise
}

test('[CL90] the ten lines of the README caption speech in plain Node, with ws as the only dependency', async (context) => {
  const readme = await readFile(path.join(HERE, '../README.md'), 'utf8')
  const snippet = /```js\n([\s\S]*?)```/.exec(readme)?.[1] ?? ''
  assert.ok(snippet.trim().split('\n').length <= 10)
  await writeFile(path.join(folder, 'captions.mjs'), snippet)
  const manifest = JSON.parse(await readFile(path.join(built, 'package.json'), 'utf8')) as { dependencies: object }
  assert.deepEqual(Object.keys(manifest.dependencies), ['ws'])
  const pod = await startFakePod({ script: scriptOf(['good morning']) })
  context.after(() => pod.close())
  const env = { ...process.env, PARLEY_URL: pod.url, PARLEY_API_KEY: pod.apiKey, NODE_OPTIONS: '' }
  const child = spawn(process.execPath, ['captions.mjs'], { cwd: folder, env })
  const finished = output(child)
  child.stdin.end(Buffer.alloc(2 * 16_000 * 2))
  const { code, stdout, stderr } = await finished
  assert.equal(code, 0, stderr)
  assert.match(stdout, /partial good\n/)
  assert.match(stdout, /final good morning\n/)
})

test('[CL90] the fake pod is part of the package', async () => {
  await writeFile(
    path.join(folder, 'fake.mjs'),
    "import { startFakePod } from '@parley/client/testing'\nconst pod = await startFakePod()\nconsole.log(pod.url)\nawait pod.close()\n",
  )
  const { stdout } = await run(process.execPath, ['fake.mjs'], { cwd: folder })
  assert.match(stdout, /^http:\/\/localhost:\d+/)
})

test('[CL126] without the library that seals packets everything works over the socket; with it over UDP', async (context) => {
  const pod = await startFakePod({ udp: true })
  context.after(() => pod.close())
  await writeFile(
    path.join(folder, 'udp.mjs'),
    `import { createSession } from '@parley/client'
const session = await createSession({ url: process.env.PARLEY_URL, apiKey: process.env.PARLEY_API_KEY })
const told = new Promise((resolve) => session.on('transport', resolve))
await session.connect()
console.log(JSON.stringify(await told))
await session.close()
`,
  )
  const env = { ...process.env, PARLEY_URL: pod.url, PARLEY_API_KEY: pod.apiKey, NODE_OPTIONS: '' }
  const transport = async () => {
    const { stdout } = await run(process.execPath, ['udp.mjs'], { cwd: folder, env })
    return JSON.parse(stdout) as { kind: string; reason: string }
  }
  assert.deepEqual(await transport(), {
    kind: 'ws',
    reason: 'the library that seals packets (sodium-native) is not installed here',
  })
  const library = path.join(folder, 'node_modules/sodium-native')
  await symlink(path.dirname(require.resolve('sodium-native/package.json')), library)
  assert.equal((await transport()).kind, 'udp')
  await rm(library)
})

test('[CL91] its declarations check strictly and need no other package', async () => {
  await writeFile(
    path.join(folder, 'use.ts'),
    `import { createSession, type ParleySession } from '@parley/client'
import { openMicrophone } from '@parley/client/browser'
export async function listen(session: ParleySession): Promise<string> {
  session.on('caption', (caption) => { const lag: number = caption.endMs + caption.receivedAtMs; const kind: 'partial' | 'final' = caption.kind; void [lag, kind] })
  session.on('state', (state) => { if (state.kind === 'closed') { const reason: string = state.reason; void reason } })
  // @ts-expect-error there is no such event
  session.on('nonsense', () => {})
  const ended = await session.endAudio()
  const finals: number = ended.finals
  // @ts-expect-error a number is not a text
  const wrong: string = ended.finals
  const mic = await openMicrophone()
  void [createSession, finals, wrong]
  return mic.format.codec
}
`,
  )
  await writeFile(
    path.join(folder, 'tsconfig.json'),
    JSON.stringify({
      compilerOptions: { noEmit: true, strict: true, module: 'nodenext', lib: ['es2024', 'dom'], types: [] },
      files: ['use.ts'],
    }),
  )
  const tsc = path.join(path.dirname(require.resolve('typescript-native/package.json')), 'bin/tsc')
  const result = await output(spawn(process.execPath, [tsc, '-p', '.', '--checkers', '1'], { cwd: folder }))
  assert.equal(result.stdout, '')
  assert.equal(result.code, 0)
})

test('[CL92] the browser part evaluates no text as code', async () => {
  const text = await readFile(path.join(built, 'browser.js'), 'utf8')
  assert.ok(!/\bnew Function\b|\beval\(/.test(text))
  assert.ok(!/from ["'](node:|ws)/.test(text))
  assert.ok(!/sodium|chacha|SenderSeal|dgram/i.test(text), 'nothing of UDP is in it')
})

const CHROMIUM = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find(existsSync)
const POLICY = "default-src 'none'; script-src 'self'; connect-src 'self' ws://localhost:*; media-src 'self'"

const PAGE_SCRIPT = `
import { createSession, openMicrophone, playSample, preferredFormat } from './browser.js'
async function talk(format, ms) {
  const levels = []
  const microphone = await openMicrophone({ format })
  microphone.on('level', (level) => levels.push(level.peakRatio))
  const session = await createSession({ url: location.origin, userToken: new URL(location.href).hash.slice(1), audio: microphone.format })
  const finals = []
  session.on('caption', (caption) => caption.kind === 'final' && finals.push(caption.text))
  await session.connect()
  microphone.sendTo(session)
  await new Promise((resolve) => setTimeout(resolve, ms))
  microphone.mute(true)
  await new Promise((resolve) => setTimeout(resolve, 300))
  await microphone.stop()
  const ended = await session.endAudio()
  const { framesSent, mediaTime } = session.stats
  await session.close()
  return { finals, lastSeq: ended.lastSeq, framesSent, mediaTime, peak: Math.max(...levels), format: microphone.format }
}
async function sample(format) {
  const session = await createSession({ url: location.origin, userToken: new URL(location.href).hash.slice(1), audio: format })
  const finals = []
  session.on('caption', (caption) => caption.kind === 'final' && finals.push(caption.text))
  await session.connect()
  const playback = await playSample({ url: './sample.wav', format, sink: session })
  await playback.finished
  await session.endAudio()
  const { framesSent } = session.stats
  await session.close()
  return { finals, framesSent, durationMs: playback.durationMs }
}
window.parley = { talk, sample, preferredFormat }
`

function wav(seconds: number, rateHz: number): Buffer {
  const samples = Buffer.alloc(2 * seconds * rateHz)
  for (let index = 0; index < samples.length / 2; index++)
    samples.writeInt16LE(Math.round(8_000 * Math.sin(index / 10)), 2 * index)
  const header = Buffer.alloc(44)
  header.write('RIFF', 0)
  header.writeUInt32LE(36 + samples.length, 4)
  header.write('WAVEfmt ', 8)
  header.writeUInt32LE(16, 16)
  header.writeUInt16LE(1, 20)
  header.writeUInt16LE(1, 22)
  header.writeUInt32LE(rateHz, 24)
  header.writeUInt32LE(2 * rateHz, 28)
  header.writeUInt16LE(2, 32)
  header.writeUInt16LE(16, 34)
  header.write('data', 36)
  header.writeUInt32LE(samples.length, 40)
  return Buffer.concat([header, samples])
}

interface Talked {
  readonly finals: string[]
  readonly lastSeq: number
  readonly framesSent: number
  readonly mediaTime: number
  readonly peak: number
  readonly format: { readonly codec: string; readonly sampleRateHz: number }
}

test('[CL92] microphone, Opus and sample reach the platform from a real browser under a strict policy', async (context) => {
  if (!CHROMIUM) return context.skip('chromium is not installed')
  const { chromium } = await import('playwright-core')
  const javascript = (body: Uint8Array | string) => ({ contentType: 'text/javascript', body })
  const pod = await startFakePod({
    script: scriptOf(['good morning'], 100),
    pages: {
      '/': {
        contentType: 'text/html',
        body: '<!doctype html><title>t</title><script type="module" src="/page.js"></script>',
        headers: { 'content-security-policy': POLICY },
      },
      '/page.js': javascript(PAGE_SCRIPT),
      '/browser.js': javascript(await readFile(path.join(built, 'browser.js'))),
      '/capture-worklet.js': javascript(await readFile(path.join(built, 'capture-worklet.js'))),
      '/sample.wav': { contentType: 'audio/wav', body: wav(1, 22_050) },
    },
  })
  context.after(() => pod.close())
  const browser = await chromium.launch({
    executablePath: CHROMIUM,
    args: ['--no-sandbox', '--use-fake-device-for-media-stream', '--use-fake-ui-for-media-stream'],
  })
  context.after(() => browser.close())
  const page = await browser.newPage()
  const complaints: string[] = []
  page.on('console', (message) => {
    if (message.type() === 'error') complaints.push(message.text())
  })
  page.on('pageerror', (error) => complaints.push(error.message))
  await page.goto(`${pod.url}/#${pod.apiKey}`)
  await page
    .waitForFunction('window.parley', undefined, { timeout: 10_000 })
    .catch(() => assert.fail(complaints.join()))
  const evaluate = <T>(expression: string): Promise<T> => page.evaluate(expression)

  const pcm = await evaluate<Talked>("parley.talk({ codec: 'pcm16', sampleRateHz: 16000, frameMs: 20 }, 1500)")
  assert.deepEqual(pcm.finals, ['good morning'])
  assert.equal(pcm.lastSeq, pcm.framesSent - 1)
  assert.ok(pcm.peak > 0.01, `the fake microphone beeps, peak ${pcm.peak}`)
  assert.ok(pcm.mediaTime >= pcm.framesSent * 320 + 3_200, 'muted time was counted')
  assert.ok(pod.requests.length > 0)

  const preferred = await evaluate<Talked['format']>('parley.preferredFormat()')
  assert.equal(preferred.codec, 'opus')
  const opus = await evaluate<Talked>('parley.preferredFormat().then((format) => parley.talk(format, 1500))')
  assert.deepEqual(opus.finals, ['good morning'])
  assert.equal(opus.format.sampleRateHz, 48_000)
  assert.ok(opus.mediaTime >= opus.framesSent * 960 + 9_600)

  const sample = await evaluate<{ finals: string[]; framesSent: number; durationMs: number }>(
    "parley.sample({ codec: 'pcm16', sampleRateHz: 16000, frameMs: 20 })",
  )
  assert.equal(sample.framesSent, 50)
  assert.equal(Math.round(sample.durationMs), 1_000)
  assert.deepEqual(sample.finals, ['good morning'])
  assert.deepEqual(complaints, [])
})
