// The cluster example as a person runs it: real workers with real engines, real nginx, its own client. Ports and folder are of the test.
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { after, before, test } from 'node:test'
import { eventually } from '@parley/kernel/testing'
import { wordErrors, words } from '../../../benchmarks/lib/stats.ts'
import { freePorts, SKIP_NGINX } from '../../lib/nginx.ts'
import { ROOT } from '../../lib/platform.ts'

const FOLDER = path.join(ROOT, 'examples/speech-cluster')
const SAMPLE = path.join(ROOT, 'samples/hello.wav')
const SAID =
  'hello and welcome to this short test every word you hear is written on the screen this is the end of the sample'
const skip = SKIP_NGINX

let dir = ''
let env: Record<string, string> = {}
let ports = { recognise: [0, 0], synthesise: [0, 0], recogniseFront: 0, synthesiseFront: 0, status: 0 }

interface Ran {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

function run(program: 'start' | 'stop' | 'health' | 'client', ...args: string[]): Promise<Ran> {
  const options = { cwd: FOLDER, env: { ...process.env, ...env }, timeout: 120_000 }
  return new Promise((resolve) => {
    execFile(path.join(FOLDER, program), args, options, (error, stdout, stderr) =>
      resolve({ code: error ? Number(error.code ?? 1) : 0, stdout, stderr }),
    )
  })
}

const recognise = (file: string) => run('client', 'recognise', file, '--url', `ws://127.0.0.1:${ports.recogniseFront}`)

function assertHeard(heard: string, wanted: string, errorRatio: number): void {
  const text = heard.replace(/^\[[^\]]*\]/gm, '')
  const expected = words(wanted)
  const errors = wordErrors(expected, words(text))
  assert.ok(errors <= expected.length * errorRatio, `${errors} errors in ${expected.length} words: ${text}`)
}

before(async () => {
  if (skip) return
  dir = await mkdtemp(path.join(tmpdir(), 'parley-cluster-'))
  const [a = 0, b = 0, c = 0, d = 0, recogniseFront = 0, synthesiseFront = 0, status = 0] = await freePorts(7)
  ports = { recognise: [a, b], synthesise: [c, d], recogniseFront, synthesiseFront, status }
  env = {
    RECOGNISE_PORTS: `${a} ${b}`,
    SYNTHESISE_PORTS: `${c} ${d}`,
    RECOGNISE_FRONT: String(recogniseFront),
    SYNTHESISE_FRONT: String(synthesiseFront),
    STATUS_PORT: String(status),
    CLUSTER_DIR: dir,
    READY_WITHIN_S: '100',
  }
  const started = await run('start')
  assert.equal(started.code, 0, started.stderr)
})
after(async () => {
  if (skip) return
  const stopped = await run('stop')
  assert.equal(stopped.code, 0, stopped.stderr)
  assert.ok(!existsSync(path.join(dir, 'nginx/nginx.pid')))
  await rm(dir, { recursive: true, force: true })
})

test('all instances are well, and what runs is left alone when it is started again', { skip }, async () => {
  const health = await run('health')
  assert.equal(health.code, 0, health.stdout)
  assert.equal(health.stdout.match(/: ok, active_connections 0/g)?.length, 4, health.stdout)
  const again = await run('start', 'recognise')
  assert.equal(again.stdout.match(/runs already/g)?.length, 2, again.stdout)
  assert.equal((await run('start', 'everything')).code, 2)
})

test('a file is recognised through the balancer, with words and times', { skip }, async () => {
  const { code, stdout, stderr } = await recognise(SAMPLE)
  assert.equal(code, 0, stderr)
  assertHeard(stdout, SAID, 0.2)
  assert.match(stdout, /^\[0\.\d\d-\d\.\d\d\] /)
})

test('a text is said through the balancer, and understood by the recognisers', { skip }, async () => {
  const file = path.join(dir, 'said.wav')
  const text = 'Please turn left at the next corner and wait there for me.'
  const said = await run('client', 'say', text, file, '--url', `ws://127.0.0.1:${ports.synthesiseFront}`)
  assert.equal(said.code, 0, said.stderr)
  const { stdout } = await recognise(file)
  assertHeard(stdout, text, 0.35)
  const unknown = await run(
    'client',
    'say',
    'x',
    file,
    '--voice',
    'nobody',
    '--url',
    `ws://127.0.0.1:${ports.synthesiseFront}`,
  )
  assert.equal(unknown.code, 1)
  assert.match(unknown.stderr, /VOICE_UNKNOWN/)
})

test('with one instance stopped the other answers, and the one that comes back is well again', { skip }, async () => {
  const [port = 0] = ports.recognise
  assert.equal((await run('stop', String(port))).code, 0)
  const health = await run('health')
  assert.equal(health.code, 1)
  assert.match(health.stdout, new RegExp(`:${port}: does not answer`))
  for (let count = 0; count < 3; count++) assertHeard((await recognise(SAMPLE)).stdout, SAID, 0.2)
  assert.equal((await run('start', 'recognise')).code, 0)
  assert.equal((await run('health')).code, 0)
  await eventually(async () => {
    const log = await readFile(path.join(dir, 'nginx/logs/access.log'), 'utf8')
    const [, other = 0] = ports.recognise
    const toOther = log
      .split('\n')
      .filter((line) => line.includes(`upstream=127.0.0.1:${other}`) || line.includes(`, 127.0.0.1:${other}`))
    return toOther.length >= 3 ? undefined : `${toOther.length} connections of the log are of the other instance`
  })
})
