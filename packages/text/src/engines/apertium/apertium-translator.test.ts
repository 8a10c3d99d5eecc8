// Apertium itself, with the pairs Debian has: real pipelines, killed and stopped from outside.
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { access, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { type TestContext, test } from 'node:test'
import { systemClock } from '@parley/kernel'
import { eventually, ManualClock } from '@parley/kernel/testing'
import { translatorContract } from '../../testing/text-engine-contract.ts'
import { type ApertiumOptions, ApertiumTranslator } from './apertium-translator.ts'
import { PipelineProcess } from './pipeline-process.ts'

const isInstalled = await Promise.all(
  ['eng-spa', 'eng-cat', 'spa-cat', 'es-pt', 'fr-es', 'spa-ita'].map((mode) =>
    access(`/usr/share/apertium/modes/${mode}.mode`),
  ),
).then(
  () => true,
  () => false,
)
const skip = isInstalled ? undefined : 'apertium and its pairs are not installed'

function track() {
  const processes: PipelineProcess[] = []
  const startRunner: ApertiumOptions['startRunner'] = (stages, listener) => {
    const made = new PipelineProcess(stages, listener)
    processes.push(made)
    return made
  }
  return { processes, startRunner: startRunner as NonNullable<ApertiumOptions['startRunner']> }
}

translatorContract('apertium', {
  create: async (clock) => {
    const { processes, startRunner } = track()
    return {
      engine: new ApertiumTranslator({ clock, startRunner }),
      breakDown: () => {
        const last = processes.at(-1)?.pid
        if (last !== undefined) process.kill(-last, 'SIGKILL')
      },
    }
  },
  texts: [
    'Good morning.',
    'where is the train station',
    'I want a cup of coffee.',
    'The red house is old.',
    'My sister works in a hospital.',
    'Thank you very much!',
  ],
  pair: { from: 'en', to: 'es' },
  unknownPair: { from: 'en', to: 'xx' },
  skip,
})

async function start(t: TestContext, options: Partial<ApertiumOptions> = {}): Promise<ApertiumTranslator> {
  const translator = new ApertiumTranslator({ clock: systemClock, ...options })
  t.after(() => translator.close())
  await translator.start()
  return translator
}

async function translated(translator: ApertiumTranslator, text: string, from: string, to: string) {
  const outcome = await translator.translate({ requestId: 'r', text, from, to, deadlineMs: 60_000 })
  assert.ok(outcome.ok, outcome.ok ? '' : outcome.error.message)
  return outcome.value
}

/** Processes of a group, this moment. */
async function groupOf(pid: number): Promise<{ readonly pid: number; readonly command: string }[]> {
  const found = []
  for (const entry of await readdir('/proc')) {
    if (!/^\d+$/.test(entry)) continue
    const stat = await readFile(`/proc/${entry}/stat`, 'utf8').catch(() => '')
    const [, command = '', state, , group] = /^\d+ \((.*)\) (\S) (\d+) (\d+)/.exec(stat) ?? []
    if (Number(group) === pid && state !== 'Z') found.push({ pid: Number(entry), command })
  }
  return found
}

test('[AP2] capitals and full stops come and go as they were given, and no mark of a word is shown', {
  skip,
}, async (t) => {
  const translator = await start(t)
  const said = async (text: string, from = 'en', to = 'es') => (await translated(translator, text, from, to)).text
  assert.equal(await said('i want a cup of coffee'), 'quiero una taza de caf\u00e9')
  assert.equal(await said('I want a cup of coffee.'), 'Quiero una taza de caf\u00e9.')
  assert.equal(await said('The red house'), 'La casa roja')
  assert.equal(await said('blorptang and snurfle'), 'blorptang y snurfle')
  assert.equal(await said('a * b # c @ d < e > f', 'es', 'ca'), 'a * b # c @ d < e > f')
  // Leaves grammar behind, without a word of its own.
  assert.equal(await said('y', 'fr', 'es'), 'y')
  assert.doesNotMatch(
    await said("Il date limite client SURPASS\u00c9 504 oui La r\u00e9ponse n'est pas entr\u00e9 temps.", 'fr', 'es'),
    /[#*@<>]/,
  )
})

test('[AP3] every pair is listed in both directions, those through another language with it', { skip }, async (t) => {
  const translator = await start(t)
  const { pairs = [] } = translator.status()
  const ways = new Map(pairs.map(({ from, to, via = [] }) => [`${from}>${to}`, via]))
  for (const pair of ['en>es', 'es>en', 'en>ca', 'ca>en', 'es>ca', 'fr>es', 'es>fr', 'es>pt', 'pt>es', 'es>it']) {
    assert.deepEqual(ways.get(pair), [], pair)
  }
  assert.deepEqual(ways.get('fr>ca'), ['es'])
  assert.deepEqual(ways.get('en>pt-BR'), ['es'])
  assert.deepEqual((await translated(translator, 'bonjour', 'fr-FR', 'pt-BR')).via, ['es'])
  assert.equal((await translated(translator, 'Good morning.', 'en-GB', 'es-419')).via, undefined)
})

test('[AP4] killed under way, the programs are started again and every text has its own answer', {
  skip,
}, async (t) => {
  const { processes, startRunner } = track()
  const translator = await start(t, { startRunner })
  await translated(translator, 'Hello.', 'en', 'es')
  const pids = processes.map(({ pid }) => pid as number)
  const words = Array.from({ length: 100 }, (_, at) => `zq${at}zq`)
  const answers = words.map((word) => translated(translator, word, 'en', 'es'))
  // One of the programs, not the shell: the others must notice.
  const group = await groupOf(pids[0] as number)
  const victim = group.find(({ command }) => command === 'lrx-proc') ?? group.at(-1)
  process.kill((victim as { pid: number }).pid, 'SIGKILL')
  assert.deepEqual(
    (await Promise.all(answers)).map(({ text }) => text),
    words,
  )
  await translated(translator, 'Hello.', 'en', 'es')
  await eventually(() => (processes.length === 2 ? undefined : `${processes.length} starts`))
  await eventually(async () => ((await groupOf(pids[0] as number)).length === 0 ? undefined : 'some are left'))
})

test('[AP4] killed while nothing was asked, they are there for the next text', { skip }, async (t) => {
  const { processes, startRunner } = track()
  const translator = await start(t, { startRunner })
  const before = await translated(translator, 'The red house.', 'en', 'es')
  process.kill(-(processes[0]?.pid as number), 'SIGKILL')
  await eventually(() => (translator.pipelines.brokenTotal === 1 ? undefined : 'not noticed'))
  assert.deepEqual(await translated(translator, 'The red house.', 'en', 'es'), before)
})

test('[AP4] they end when the process that had them is gone', { skip }, async () => {
  const program = `
    import { ApertiumTranslator } from ${JSON.stringify(new URL('./apertium-translator.ts', import.meta.url).href)}
    import { systemClock } from '@parley/kernel'
    const translator = new ApertiumTranslator({ clock: systemClock })
    await translator.start()
    await translator.translate({ requestId: 'r', text: 'hello', from: 'en', to: 'es', deadlineMs: 60_000 })
    console.log('ready')`
  const child = spawn(process.execPath, ['--input-type=module', '-e', program], {
    cwd: import.meta.dirname,
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  await once(child.stdout, 'data')
  const children = await readFile(`/proc/${child.pid}/task/${child.pid}/children`, 'utf8')
  const shell = Number(children.trim().split(' ')[0])
  assert.ok((await groupOf(shell)).length > 5)
  child.kill('SIGKILL')
  const left = async () => (await groupOf(shell)).map(({ command }) => command).join(' ')
  await eventually(async () => (await left()) || undefined, { withinMs: 30_000 })
})

test('[AP5] a thousand texts at once over six pairs are each answered with their own', { skip }, async (t) => {
  const { processes, startRunner } = track()
  const translator = await start(t, { startRunner })
  const pairs = ['en>es', 'en>ca', 'es>pt', 'es>ca', 'fr>es', 'fr>it'].map((pair) => pair.split('>'))
  const words = Array.from({ length: 1_000 }, (_, at) => `zq${at}zq`)
  const answers = await Promise.all(
    words.map((word, at) => {
      const [from = '', to = ''] = pairs[at % pairs.length] ?? []
      return translated(translator, word, from, to)
    }),
  )
  assert.deepEqual(
    answers.map(({ text }) => text),
    words,
  )
  assert.equal(translator.pipelines.running.length, 6)
  // Two hundred rounds more, and it is still the same processes.
  for (let round = 0; round < 200; round++)
    await translated(translator, `zr${round}zr`, 'en', round % 2 === 0 ? 'es' : 'ca')
  assert.equal(processes.length, 6)
  const sizes = await Promise.all(processes.map(({ pid }) => groupOf(pid as number)))
  assert.ok(sizes.every((group) => group.length >= 5 && group.length <= 20))
})

test('[AP6] no more pipelines than told: the one used longest ago finishes and makes room', { skip }, async (t) => {
  const { processes, startRunner } = track()
  const translator = await start(t, { startRunner, maxPipelines: 2 })
  const asked = ['es', 'ca', 'es', 'ca', 'es'].map((to, at) => translated(translator, `zq${at}zq`, 'en', to))
  const others = [translated(translator, 'zqazq', 'es', 'pt'), translated(translator, 'zqbzq', 'fr', 'pt')]
  const answers = await Promise.all([...asked, ...others])
  assert.deepEqual(
    answers.map(({ text }) => text),
    ['zq0zq', 'zq1zq', 'zq2zq', 'zq3zq', 'zq4zq', 'zqazq', 'zqbzq'],
  )
  assert.ok(translator.pipelines.running.length <= 2)
  await translator.close()
  // All are killed by then; the kernel may take a moment over the last of them.
  for (const { pid } of processes) {
    await eventually(async () => ((await groupOf(pid as number)).length === 0 ? undefined : `${pid} is still there`))
  }
})

test('[AP6] warmed, every pipeline on the way is started, but none is ended for it', { skip }, async (t) => {
  const translator = await start(t, { maxPipelines: 2 })
  translator.warm({ from: 'fr', to: 'pt' })
  assert.deepEqual(translator.pipelines.running.toSorted(), ['es-pt', 'fr-es'])
  translator.warm({ from: 'en', to: 'es' })
  translator.warm({ from: 'en', to: 'xx' })
  assert.deepEqual(translator.pipelines.running.toSorted(), ['es-pt', 'fr-es'])
  assert.equal((await translated(translator, 'zqazq', 'fr', 'pt')).text, 'zqazq')
})

test('[AP7] the programs see nothing of the environment', { skip }, async (t) => {
  const { processes, startRunner } = track()
  process.env.PARLEY_TEST_SECRET = 'not for others'
  t.after(() => delete process.env.PARLEY_TEST_SECRET)
  const translator = await start(t, { startRunner })
  await translated(translator, 'Hello.', 'en', 'es')
  const group = await groupOf(processes[0]?.pid as number)
  assert.ok(group.length > 5)
  for (const { pid } of group) {
    assert.doesNotMatch(await readFile(`/proc/${pid}/environ`, 'utf8').catch(() => ''), /PARLEY|HOME/)
  }
})

test('[AP8] without a pair it is a status with the command that installs some; one that comes is found', {
  skip,
}, async (t) => {
  const folder = await mkdtemp(path.join(tmpdir(), 'parley-modes-'))
  t.after(() => rm(folder, { recursive: true, force: true }))
  const clock = new ManualClock()
  const translator = await start(t, { clock, modesFolder: folder })
  const { ready, problem } = translator.status()
  assert.equal(ready, false)
  assert.match(problem ?? '', /apt-get install -y --no-install-recommends apertium /)
  const refused = await translator.translate({ requestId: 'r', text: 'x', from: 'en', to: 'es', deadlineMs: 9 })
  assert.ok(!refused.ok && refused.error.code === 'ENGINE_UNAVAILABLE' && refused.error.message === problem)
  let changes = 0
  translator.onChange(() => changes++)
  await writeFile(path.join(folder, 'eng-spa.mode'), await readFile('/usr/share/apertium/modes/eng-spa.mode'))
  await writeFile(path.join(folder, 'eng-deu.mode'), "lt-proc '/nowhere/eng-deu.bin'")
  clock.advance(30_000)
  await eventually(() => (translator.status().ready ? undefined : 'not ready'))
  assert.equal(changes, 1)
  assert.deepEqual(translator.status().pairs, [{ from: 'en', to: 'es' }])
})
