import assert from 'node:assert/strict'
import { execFile, spawn } from 'node:child_process'
import { chmod, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { type TestContext, test } from 'node:test'
import { promisify } from 'node:util'
import { parseWav } from '@parley/audio'
import { eventually, ManualClock } from '@parley/kernel/testing'
import { SynthesisError, type Synthesiser } from '../../synthesiser.ts'
import { engineSubject } from '../../testing/engine-subject.ts'
import { allOf, synthesiserContract } from '../../testing/synthesiser-contract.ts'
import {
  createEspeakSynthesiser,
  ESPEAK_INSTALL_COMMAND,
  type EspeakOptions,
  espeakEngine,
} from './espeak-synthesiser.ts'

const run = promisify(execFile)
const isInstalled = await run('espeak-ng', ['--version']).then(
  () => true,
  () => false,
)
const skip = isInstalled ? {} : { skip: `espeak-ng is not installed: ${ESPEAK_INSTALL_COMMAND}` }

const SENTENCES = [
  'El tren a la ciudad sale a las siete y media.',
  'Mi hermana compr\u00f3 una bicicleta nueva para su cumplea\u00f1os.',
  'Ayer comimos sopa y pan a la hora del almuerzo.',
  'Este fin de semana va a hacer fr\u00edo y va a llover.',
  'Ha vuelto a olvidar el paraguas en la oficina.',
  'Hay tres libros en la mesa que est\u00e1 junto a la puerta.',
  'Lleva dos a\u00f1os aprendiendo a tocar el piano.',
  'El m\u00e9dico le dijo que bebiera m\u00e1s agua cada d\u00eda.',
  'Nuestros vecinos pintan su casa de un amarillo vivo.',
  'Los ni\u00f1os jugaban al f\u00fatbol en el parque.',
]

synthesiserContract('espeak-ng', {
  create: async (clock, slots) => engineSubject(espeakEngine({ lanes: 4 }), { clock, slots }),
  voices: ['espeak-es', 'espeak-en-us'],
  unknownLanguage: 'zu',
  sentences: SENTENCES,
  ...skip,
})

function speak(synthesiser: Synthesiser, text: string, voice = 'espeak-es') {
  const asked = synthesiser.speak({ requestId: 'r', text, voice })
  if (!asked.ok) throw new Error(asked.error.message)
  return asked.value
}

interface Process {
  readonly pid: number
  readonly parent: number
  readonly command: string
  readonly environment: string
}

/** Every process there is, as far as it can be read. */
async function processes(): Promise<Process[]> {
  const all: Process[] = []
  for (const pid of (await readdir('/proc')).filter((name) => /^\d+$/.test(name))) {
    const read = (file: string) => readFile(`/proc/${pid}/${file}`, 'utf8').catch(() => '')
    const [stat, command, environment] = await Promise.all([read('stat'), read('cmdline'), read('environ')])
    const parent = Number(/^\d+ \(.*\) \S (\d+)/s.exec(stat)?.[1] ?? -1)
    all.push({ pid: Number(pid), parent, command: command.replaceAll('\0', ' '), environment })
  }
  return all
}

/** Lanes of the process `parent`, and the programs in them. */
async function lanesOf(parent: number): Promise<{ readonly shells: Process[]; readonly programs: Process[] }> {
  const all = await processes()
  const shells = all.filter((each) => each.parent === parent && each.command.startsWith('/bin/sh -c while read'))
  const pids = new Set(shells.map(({ pid }) => pid))
  return {
    shells,
    programs: all.filter((each) => pids.has(each.parent) && each.command.startsWith('espeak-ng --stdin')),
  }
}

/** Started, and closed when the test is over, however it ends. */
async function start(t: TestContext, options: Partial<EspeakOptions>): Promise<Synthesiser> {
  const synthesiser = createEspeakSynthesiser({ clock: new ManualClock(), slots: 2, lanes: 1, ...options })
  t.after(() => synthesiser.close())
  await synthesiser.start()
  return synthesiser
}

/** A program in the place of espeak-ng. */
async function script(t: TestContext, body: string): Promise<string> {
  const folder = await mkdtemp(path.join(tmpdir(), 'parley-espeak-'))
  t.after(() => rm(folder, { recursive: true, force: true }))
  const file = path.join(folder, 'speak')
  await writeFile(file, `#!/bin/sh\nif [ "$1" = --voices ]; then echo ' 5 es --/M Spanish roa/es'; exit; fi\n${body}\n`)
  await chmod(file, 0o755)
  return file
}

test('[ES4] a piece is what espeak-ng says of it when it is run by hand', skip, async (t) => {
  const synthesiser = await start(t, {})
  const samples = async (text: string, voice: string) => {
    const asked = run('espeak-ng', ['--stdin', '--stdout', '-b', '1', '-v', voice], { encoding: 'buffer' })
    asked.child.stdin?.end(text)
    const wav = parseWav((await asked).stdout)
    assert.ok(wav.ok)
    return wav.value.samples
  }
  for (const [voice, id, text] of [
    ['espeak-es', 'roa/es', '\u00bfQu\u00e9 dice el se\u00f1or?'],
    ['espeak-hi', 'inc/hi', '\u0928\u092e\u0938\u094d\u0924\u0947 \u0926\u0941\u0928\u093f\u092f\u093e'],
    ['espeak-cmn', 'sit/cmn', '\u4f60\u597d'],
    ['espeak-es', 'roa/es', 'C:\\nueva $HOME %s "x" \u{1f600}'],
  ] as const) {
    assert.deepEqual(await allOf(speak(synthesiser, text, voice)), await samples(text, id), text)
  }
})

test(
  '[ES5] one that is killed fails its speech, one that was waiting for a text as well; the next is said',
  skip,
  async () => {
    const clock = new ManualClock()
    const { synthesiser, makers } = engineSubject(espeakEngine({ lanes: 1 }), { clock, slots: 2 })
    await synthesiser.start()
    const whole = await allOf(speak(synthesiser, 'hola'))
    const warm = await found(async () => (await lanesOf(process.pid)).programs[0])
    process.kill(warm.pid, 'SIGKILL')
    await assert.rejects(allOf(speak(synthesiser, 'hola')), (error) => {
      assert.ok(error instanceof SynthesisError)
      assert.match(error.message, /137/)
      return true
    })
    assert.deepEqual(await allOf(speak(synthesiser, 'hola')), whole)
    const shell = await found(async () => (await lanesOf(process.pid)).shells[0])
    const speech = speak(synthesiser, SENTENCES.join(' '))
    const first = speech.next()
    process.kill(shell.pid, 'SIGKILL')
    await assert.rejects(async () => {
      await first
      await allOf(speech)
    }, SynthesisError)
    assert.deepEqual(await allOf(speak(synthesiser, 'hola')), whole)
    assert.equal(makers.length, 2)
    await synthesiser.close()
  },
)

test('[ES5] one that hangs is killed at the deadline of its piece, with all it started', async (t) => {
  const program = await script(t, 'read -r text; case $text in *hang*) sleep 1000;; esac')
  const clock = new ManualClock()
  const synthesiser = await start(t, { clock, program })
  const stuck = speak(synthesiser, 'hang')
  const pending = stuck.next()
  await found(async () => (await processes()).find(({ command }) => command === 'sleep 1000 '))
  clock.advance(10_000)
  await assert.rejects(pending, SynthesisError)
  assert.equal((await allOf(speak(synthesiser, 'hola'))).length, 0)
  await synthesiser.close()
  assert.equal((await processes()).filter(({ command }) => command === 'sleep 1000 ').length, 0)
  assert.equal(clock.pendingTimers, 0)
})

test('[ES5] one that complains fails the piece with its words', async (t) => {
  const program = await script(t, 'read -r text; case $text in *bad*) echo "no such thing" >&2; exit 4;; esac')
  const synthesiser = await start(t, { program })
  await assert.rejects(allOf(speak(synthesiser, 'bad')), /ended with 4 no such thing/)
})

test('[ES6] it sees nothing of the environment, and there are no more processes than lanes allow', skip, async (t) => {
  process.env.PARLEY_TEST_SECRET = 'not for others'
  const synthesiser = await start(t, { slots: 20, lanes: 2 })
  const speeches = Array.from({ length: 20 }, (_, at) => speak(synthesiser, SENTENCES[at % 10] as string))
  await Promise.all(speeches.map((speech) => speech.next()))
  const { shells, programs } = await found(async () => {
    const lanes = await lanesOf(process.pid)
    return lanes.programs.length > 0 ? lanes : undefined
  })
  assert.equal(shells.length, 2)
  assert.ok(programs.length <= 2)
  for (const { environment } of [...shells, ...programs]) assert.doesNotMatch(environment, /PARLEY|HOME|SECRET/)
  await synthesiser.close()
  delete process.env.PARLEY_TEST_SECRET
  const left = await lanesOf(process.pid)
  assert.deepEqual([left.shells.length, left.programs.length], [0, 0])
})

test('[ES6] lanes end when the process that had them is gone', skip, async () => {
  const program = `
    import { createEspeakSynthesiser } from ${JSON.stringify(new URL('./espeak-synthesiser.ts', import.meta.url).href)}
    import { systemClock } from '@parley/kernel'
    const synthesiser = createEspeakSynthesiser({ clock: systemClock, slots: 1, lanes: 2 })
    await synthesiser.start()
    console.log('ready')`
  const child = spawn(process.execPath, ['--input-type=module', '-e', program], {
    cwd: import.meta.dirname,
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  await new Promise((resolve) => child.stdout.once('data', resolve))
  const { shells, programs } = await lanesOf(child.pid as number)
  assert.equal(shells.length, 2)
  const pids = new Set([...shells, ...programs].map(({ pid }) => pid))
  child.kill('SIGKILL')
  await found(async () => {
    const left = (await processes()).filter(({ pid, command }) => pids.has(pid) && command !== '')
    return left.length === 0 ? true : undefined
  })
})

test('[ES7] without the program it is a status with the command that installs it, and works as soon as it is there', async (t) => {
  const clock = new ManualClock()
  const folder = await mkdtemp(path.join(tmpdir(), 'parley-espeak-'))
  t.after(() => rm(folder, { recursive: true, force: true }))
  const program = path.join(folder, 'later')
  const synthesiser = await start(t, { clock, program })
  const { ready, problem } = synthesiser.status()
  assert.equal(ready, false)
  assert.ok(problem?.includes('is not installed: apt-get install -y --no-install-recommends espeak-ng'))
  await writeFile(program, await readFile(await script(t, 'read -r text')), { mode: 0o755 })
  const refused = synthesiser.speak({ requestId: 'r', text: 'x' })
  assert.ok(!refused.ok && refused.error.code === 'SPEECH_UNAVAILABLE' && refused.error.message === problem)
  await synthesiser.start()
  assert.deepEqual(synthesiser.status().languages, ['es'])
  assert.equal(synthesiser.status().ready, true)
})

test('[ES7] a program that is something else is a status as well', async (t) => {
  const program = await script(t, 'echo "<html>this is not audio, and there is a lot of it</html>"; read -r text')
  const synthesiser = await start(t, { program })
  assert.match(synthesiser.status().problem ?? '', /not a WAV file/)
})

/** What `find` finds, as soon as it does. */
async function found<T>(find: () => Promise<T | undefined>): Promise<T> {
  let answer: T | undefined
  await eventually(
    async () => {
      answer = await find()
      return answer === undefined ? 'not there yet' : undefined
    },
    { withinMs: 20_000 },
  )
  return answer as T
}
