// Captions translated, mended and said on the command line, against the fake pod: real sockets, real pace, real files.
import assert from 'node:assert/strict'
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { Readable, Writable } from 'node:stream'
import { after, before, test } from 'node:test'
import { encodeWav, parseWav } from '@parley/audio'
import { type FakePod, type FakePodOptions, fakeSpeechOf, startFakePod } from '@parley/client/testing'
import { systemClock } from '@parley/kernel'
import { eventually } from '@parley/kernel/testing'
import { type CaptionOptions, captionCommand, withFile } from './command.ts'
import { parseLanguages, refineWish } from './refine-options.ts'

let folder: string
let wavFile: string
const pods: FakePod[] = []

before(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'parley-refining-'))
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

function start(pod: FakePod, options: Partial<CaptionOptions>) {
  const [out, err] = [new Collector(), new Collector()]
  let onInterrupt = (): void => {}
  const code = captionCommand(
    { file: wavFile, url: pod.url, key: pod.apiKey, ...options },
    {
      stdin: Readable.from([]),
      stdout: out,
      stderr: err,
      env: { PARLEY_DATA_DIR: path.join(folder, 'data'), HOME: folder },
      cwd: folder,
      homeDir: folder,
      clock: systemClock,
      onInterrupt(fn) {
        onInterrupt = fn
        return () => {}
      },
    },
  )
  return { out, err, code, interrupt: () => onInterrupt() }
}

async function samplesOf(file: string): Promise<Int16Array> {
  const wav = parseWav(await readFile(file))
  assert.ok(wav.ok && !wav.value.isCutShort)
  return wav.value.samples
}

test('[CC40] translations and mended texts come on lines of their own, with what they are; the summary counts them', async () => {
  const pod = await fakePod()
  const { out, err, code } = start(pod, { translate: ['es', 'ca'], polish: true })
  assert.equal(await code, 0, err.text)
  const lines = ['good morning', '[es] es: good morning', '[ca] ca: good morning', '[polished] Good morning.']
  assert.equal(out.text, `${lines.join('\n')}\n`)
  assert.match(err.text, /\nes 1 final, p95 12 ms; ca 1 final, p95 12 ms; 1 mended\n$/)
  assert.deepEqual(pod.sessions.length, 0)
})

test('[CC40] as JSON: what is in force, partials, finals, failures, voices, and in the summary by language', async () => {
  const pod = await fakePod({
    onSession: ({ captions }) => {
      captions.failing.add('ca')
      captions.via = [{ language: 'ca', through: ['es'] }]
    },
  })
  const { out, code } = start(pod, { json: true, translate: ['es', 'ca'], speak: ['es'], polish: 'partials' })
  assert.equal(await code, 1, 'a final that was not translated is not answered')
  const objects = out.text
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>)
  const of = (type: string) => objects.filter((object) => object.type === type)
  const inForce = { translateTo: ['es', 'ca'], polish: 'partials', speak: ['es'], unavailable: [] }
  assert.deepEqual(of('captions'), [{ type: 'captions', ...inForce, via: [{ language: 'ca', through: ['es'] }] }])
  const finals = of('translation').filter(({ kind }) => kind === 'final')
  const about = { utterance: 0, language: 'es', text: 'es: good morning', of: 3, startMs: 100, endMs: 500 }
  assert.deepEqual(finals, [{ type: 'translation', kind: 'final', ...about, translateMs: 12 }])
  assert.ok(of('translation').length > finals.length)
  assert.deepEqual(of('translation-failed'), [
    { type: 'translation-failed', utterance: 0, language: 'ca', reason: 'budget' },
  ])
  assert.deepEqual(of('polished'), [{ type: 'polished', kind: 'final', utterance: 0, text: 'Good morning.', of: 3 }])
  assert.deepEqual(of('voice'), [{ type: 'voice', utterance: 0, language: 'es', reason: 'said' }])
  const { refined } = objects.at(-1) as { refined: unknown }
  assert.deepEqual(refined, {
    translations: { es: { finals: 1, failed: 0, p50Ms: 12, p95Ms: 12 }, ca: { finals: 0, failed: 1 } },
    polished: 1,
    voices: { said: 1, skipped: 0, failed: 0 },
  })
})

test('[CC41] what cannot be had is refused before anything is sent, unless it can be had soon', async () => {
  const message = 'nothing translates en to xx; there is es'
  const missing = { language: 'xx', stage: 'translate', message, retryable: false } as const
  let isLoading = false
  const pod = await fakePod({
    onSession: ({ captions }) => {
      captions.unavailable = [{ ...missing, retryable: isLoading }]
    },
  })
  const refused = start(pod, { translate: ['xx'] })
  assert.equal(await refused.code, 4)
  assert.match(refused.err.text, /nothing translates en to xx; there is es.*Leave it out.*\(LANGUAGE_UNSUPPORTED\)/)
  assert.equal(pod.last.frames.length, 0)
  isLoading = true
  const soon = start(pod, { translate: ['xx'] })
  await eventually(() => (pod.sessions.length === 1 && pod.last.captions.asked.length === 1 ? undefined : 'not asked'))
  pod.last.captions.change([])
  assert.equal(await soon.code, 0, soon.err.text)
  assert.match(soon.out.text, /\[xx\] xx: good morning/)
})

test('[CC42] what is heard becomes a WAV file, heard to its end; one per language', async () => {
  const pod = await fakePod()
  const one = path.join(folder, 'one.wav')
  const single = start(pod, { translate: ['es', 'ca'], speechOut: one })
  assert.equal(await single.code, 0, single.err.text)
  assert.deepEqual(await samplesOf(one), fakeSpeechOf('es: good morning'))
  assert.match(single.err.text, /0\.3 s of speech in .*one\.wav\n/)
  const several = start(pod, { translate: ['es'], speak: ['es', 'en'], speechOut: path.join(folder, 'all.wav') })
  assert.equal(await several.code, 0, several.err.text)
  assert.deepEqual(await samplesOf(path.join(folder, 'all.es.wav')), fakeSpeechOf('es: good morning'))
  assert.deepEqual(await samplesOf(path.join(folder, 'all.en.wav')), fakeSpeechOf('good morning'))
})

test('[CC42] several finals in one file, a pause between them; Ctrl-C leaves a whole file', async () => {
  const script = [
    { text: 'one', startMs: 100, endMs: 200 },
    { text: 'two', startMs: 550, endMs: 600 },
  ]
  const pod = await fakePod({ script, endpointMs: 50 })
  const file = path.join(folder, 'two.wav')
  assert.equal(await start(pod, { speak: ['es'], speechOut: file }).code, 0)
  const pause = 16_000 * 0.25
  assert.equal((await samplesOf(file)).length, fakeSpeechOf('es: one').length * 2 + pause)
  const cut = path.join(folder, 'cut.wav')
  const run = start(pod, { file: wavFile, speak: ['es'], speechOut: cut })
  await eventually(() => ((pod.sessions[0]?.mediaMs ?? 0) > 400 ? undefined : 'not spoken yet'))
  run.interrupt()
  assert.equal(await run.code, 130)
  assert.deepEqual((await samplesOf(cut)).slice(0, 100), fakeSpeechOf('es: one').slice(0, 100))
})

test('[CC42] a voice that fails is not whole; a file that cannot be written is told before anything is sent', async () => {
  const pod = await fakePod()
  const nowhere = start(pod, { speechOut: path.join(folder, 'no', 'such', 'file.wav') })
  assert.equal(await nowhere.code, 2)
  assert.match(nowhere.err.text, /cannot write .*file\.wav: ENOENT/)
  assert.equal(pod.requests.length, 0)
  const file = path.join(folder, 'broken.wav')
  const run = start(pod, { speak: ['es'], speechOut: file, json: true })
  await eventually(() => (pod.sessions[0]?.isConnected ? undefined : 'not connected'))
  const utterance = { epoch: 1, index: 7 }
  const failed = { type: 'voice.ended', speech: 9, utterance, language: 'es', samples: 0, reason: 'failed' } as const
  pod.last.say(failed)
  assert.equal(await run.code, 1)
  assert.match(run.out.text, /"type":"voice","utterance":7,"language":"es","reason":"failed"/)
  assert.ok((await stat(file)).size > 44)
})

test('[CC43] what is asked for follows from what was typed', () => {
  assert.deepEqual(parseLanguages('es, PT-br,es'), ['es', 'pt-BR'])
  for (const wrong of ['', 'not a tag', 'a1', Array.from('abcdefghi', (letter) => `e${letter}`).join(',')]) {
    assert.throws(() => parseLanguages(wrong), /language/, wrong)
  }
  assert.deepEqual(refineWish({}, undefined), { captions: undefined, speechFiles: new Map() })
  const { captions, speechFiles } = refineWish({ speechOut: 'a.b/out', polish: true }, 'de')
  assert.deepEqual(captions, { translateTo: [], polish: 'finals', speak: ['de'] })
  assert.deepEqual([...speechFiles], [['de', 'a.b/out']])
  const several = refineWish({ translate: ['es'], speak: ['es', 'ca'], speechOut: 'a/out.wav' }, undefined)
  assert.deepEqual([...several.speechFiles.values()], ['a/out.es.wav', 'a/out.ca.wav'])
  assert.throws(() => refineWish({ speechOut: '-' }, undefined), /FILE\.wav/)
})

test('[CC45] the word behind a bare --polish is the file; with a file it has to be a mode', () => {
  assert.deepEqual(withFile(undefined, { polish: 'talk.wav', json: true }), {
    file: 'talk.wav',
    polish: true,
    json: true,
  })
  assert.deepEqual(withFile('talk.wav', { polish: 'partials' }), { file: 'talk.wav', polish: 'partials' })
  assert.deepEqual(withFile('talk.wav', { polish: true }), { file: 'talk.wav', polish: true })
  assert.deepEqual(withFile('talk.wav', {}), { file: 'talk.wav' })
  assert.match(String(withFile('talk.wav', { polish: 'often' })), /often.*finals, partials/)
  assert.match(String(withFile(undefined, { polish: true })), /missing required argument 'file'/)
})
