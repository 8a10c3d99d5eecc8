// A worker with the engines it is shipped with, asked over a link.
import assert from 'node:assert/strict'
import { access, readdir, readFile } from 'node:fs/promises'
import { test } from 'node:test'
import { testConfig } from '@parley/config/testing'
import { systemClock } from '@parley/kernel'
import { eventually } from '@parley/kernel/testing'
import { silentLogger } from '@parley/telemetry'
import { workerRig } from './testing/worker-rig.ts'
import { createTextEngines } from './text-engines.ts'

const hasApertium = await access('/usr/share/apertium/modes/eng-spa.mode').then(
  () => true,
  () => false,
)
const skip = hasApertium ? false : 'apertium is not installed'
const WITHIN = { withinMs: 120_000, everyMs: 50 }

/** Processes of Apertium that this process has started, at any remove. */
async function apertiumProcesses(): Promise<number[]> {
  const parents = new Map<number, { readonly parent: number; readonly command: string }>()
  for (const entry of await readdir('/proc')) {
    if (!/^\d+$/.test(entry)) continue
    const stat = await readFile(`/proc/${entry}/stat`, 'utf8').catch(() => '')
    const [, command = '', parent] = /^\d+ \((.*)\) \S (\d+)/.exec(stat) ?? []
    parents.set(Number(entry), { parent: Number(parent), command })
  }
  const isOurs = (pid: number): boolean => pid === process.pid || isParentOurs(pid)
  const isParentOurs = (pid: number): boolean => {
    const parent = parents.get(pid)?.parent
    return parent !== undefined && parent > 0 && isOurs(parent)
  }
  return [...parents].filter(([pid, { command }]) => command.startsWith('lt-proc') && isOurs(pid)).map(([pid]) => pid)
}

test('[WK36] [WK37] it translates and polishes, refuses what is no translation, and lives on when its programs are killed', {
  skip,
}, async (t) => {
  const { parts, slots } = await createTextEngines({ config: testConfig({}), clock: systemClock, logger: silentLogger })
  assert.deepEqual([slots.translate?.slots, slots.polish?.slots], [8, 8])
  const { connect } = await workerRig(t, { texts: parts as NonNullable<typeof parts> })
  const pod = await connect()
  /** A pod asks all the while whether the worker is there. */
  const waitFor = (whyNotYet: () => string | undefined) =>
    eventually(() => {
      pod.send({ type: 'ping', id: 1 })
      return whyNotYet()
    }, WITHIN)
  const isReady = () => {
    const engines = pod.of('worker.text').at(-1)?.engines ?? []
    return engines.length === 2 && engines.every(({ ready }) => ready)
  }
  await waitFor(() => (isReady() ? undefined : 'not ready'))
  assert.deepEqual(await apertiumProcesses(), [], '[WK37] nobody wants a translation')
  pod.send({ type: 'text.warm', kind: 'translate', engine: 'apertium', from: 'en-US', to: 'es' })
  pod.send({ type: 'text.warm', kind: 'translate', engine: 'nobody', from: 'en-US', to: 'es' })
  await eventually(async () => ((await apertiumProcesses()).length > 0 ? undefined : 'no pipeline yet'), WITHIN)
  let id = 0
  const ask = (text: string, to?: string) => {
    const kind = to === undefined ? ('polish' as const) : ('translate' as const)
    const engine = to === undefined ? 'harper' : 'apertium'
    const target = to === undefined ? {} : { to }
    pod.send({
      type: 'text.ask',
      id: ++id,
      kind,
      engine,
      text,
      from: 'en-US',
      ...target,
      isFinal: true,
      deadlineMs: 60_000,
    })
    return id
  }
  const answer = async (asked: number) => {
    const find = () => [...pod.of('text.answered'), ...pod.of('text.failed')].find((each) => each.id === asked)
    await waitFor(() => (find() ? undefined : `no answer to ${asked}`))
    const found = find()
    return found?.type === 'text.answered' ? found.text : found?.code
  }
  assert.equal(await answer(ask('I want a cup of coffee.', 'es')), 'Quiero una taza de caf\u00e9.')
  assert.equal(await answer(ask('They was waiting for you.')), 'They were waiting for you.')
  assert.equal(await answer(ask('hello', 'xx')), 'PAIR_UNSUPPORTED')
  const unknown = 'zqone zqtwo zqthree zqfour zqfive zqsix zqseven zqeight'
  assert.match((await answer(ask(unknown, 'es'))) ?? '', /^(zqone|REFUSED_)/)
  const asked = Array.from({ length: 40 }, (_, at) => ask(`zq${at}`, 'es'))
  for (const pid of await apertiumProcesses()) {
    try {
      process.kill(pid, 'SIGKILL')
    } catch {
      // It went with those that were killed before it.
    }
  }
  const answers = await Promise.all(asked.map(answer))
  assert.deepEqual(
    answers,
    asked.map((_, at) => `zq${at}`),
  )
})
