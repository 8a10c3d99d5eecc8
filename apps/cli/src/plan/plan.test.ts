import assert from 'node:assert/strict'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { Readable } from 'node:stream'
import { after, before, test } from 'node:test'
import { CheckResultSchema, PlanResultSchema } from '@parley/planner'
import Schema from 'typebox/schema'
import { ROOT } from '../context.ts'
import { createProgram } from '../program.ts'
import { columnsOf, runPlan } from './plan-run.ts'
import { MOST_PLAN_BYTES } from './plan-source.ts'
import { contextIn, runInFolder } from './testing/run-plan.ts'

const PLAN = `plan: Exams
quantities:
  users: 200 users
  peak: { assumed: 10..20%, note: nobody has counted }
workloads:
  session:
    concurrent: users * peak * 1 session/user
    needs: { cpu: 5..10% cpu, memory: 50..100 MB }
machines:
  ccx23: { price: 24.49 USD/month, has: { cpu: 4 cores, memory: 16 GB } }
tiers:
  app: { serves: session, machine: ccx23, reserves: { bursts: 20% } }
`
const CLAIMS = `claims:
  - { claim: 80 fit, of: app.cpu.limit, value: '80 sessions' }
`

let folder: string

before(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'parley-plan-'))
  await writeFile(path.join(folder, 'exam.yaml'), PLAN)
  await writeFile(path.join(folder, 'wrong.yaml'), `${PLAN}${CLAIMS}`)
  await writeFile(path.join(folder, 'right.yaml'), `${PLAN}${CLAIMS.replace('80 sessions', '53 sessions')}`)
  await writeFile(path.join(folder, 'broken.yaml'), PLAN.replace('machine: ccx23', 'machin: ccx23'))
  await mkdir(path.join(folder, 'sub'))
})
after(() => rm(folder, { recursive: true, force: true }))

const run = (...args: string[]) => runInFolder(folder, ['plan', ...args])

test('[PC1] in a pipe the answer is plain and not folded, and nothing else is said', async () => {
  const { code, out, err } = await run('wrong.yaml')
  assert.deepEqual([code, err], [0, ''])
  const lines = out.split('\n')
  assert.equal(lines[0], 'Exams')
  assert.equal(lines[2], 'App: cpu breaks first, at 53 sessions (40..80) [g] on one instance.')
  assert.ok(!out.includes('\u001b'))
  assert.ok(lines.some((line) => line.length > 120))
})

test('[PC1] on a terminal it is as wide as that, and the claims are pointed to', async () => {
  const { context, out, err } = contextIn(folder)
  assert.equal(columnsOf(context), undefined)
  const io = { context, stdin: Readable.from([]), columns: 72 }
  assert.equal(await runPlan(io, 'wrong.yaml', {}), 0)
  assert.ok(
    out()
      .split('\n')
      .every((line) => line.length <= 72),
  )
  assert.match(err(), /1 claim: \.\/parley plan check wrong\.yaml/)
})

test('[PC2] mistakes come with their place, the nearest word and the line', async () => {
  const { code, out, err } = await run('broken.yaml')
  assert.deepEqual([code, out], [2, ''])
  assert.match(
    err,
    /broken\.yaml: the plan has a mistake\n {2}broken\.yaml:12:27 .*machin.*did you mean machine\?.* UNKNOWN_KEY\n/,
  )
  const [, written, spot] = err.split('\n').slice(1)
  assert.match(written ?? '', /^ {4}12 \| {3}app: \{ serves: session, machin: ccx23/)
  assert.equal(spot?.indexOf('^'), written?.indexOf('machin:'))
})

test('[PC2, PC8] with --json mistakes are a document of the published form too', async () => {
  const { code, out, err } = await run('broken.yaml', '--json')
  assert.equal(code, 2)
  assert.match(err, /UNKNOWN_KEY/)
  const document = JSON.parse(out)
  assert.equal(document.problems[0].nearest, 'machine')
  const { out: schema } = await run('schema', 'problems')
  assert.ok(Schema.Compile(JSON.parse(schema)).Check(document))
})

test('[PC3] standard input is read as a file is, and what cannot be read is one line', async () => {
  const { context, out } = contextIn(folder)
  const stdin = Readable.from([Buffer.from(PLAN.slice(0, 50)), Buffer.from(PLAN.slice(50))])
  assert.equal(await runPlan({ context, stdin, columns: undefined }, '-', { json: true }), 0)
  assert.equal(JSON.parse(out()).binding, 'cpu')
  assert.deepEqual(await run('nowhere.yaml'), {
    code: 2,
    out: '',
    err: 'parley: nowhere.yaml: there is no such file\n',
  })
  assert.match((await run('sub')).err, /^parley: sub: it is a folder; name the plan in it\n$/)
  await writeFile(path.join(folder, 'huge.yaml'), Buffer.alloc(MOST_PLAN_BYTES + 1, 0x23))
  assert.match((await run('huge.yaml')).err, /huge\.yaml is larger than 4 MiB/)
})

test('[PC3] a verdict is looked for in the folder of the plan', async () => {
  const verdict = path.join(ROOT, 'packages/planner/examples/lab-verdict.json')
  await writeFile(path.join(folder, 'sub/lab.json'), await readFile(verdict))
  const plan = `${PLAN.replace('plan: Exams', 'plan: Exams\nverdicts: { lab: ./lab.json }')}`.replace(
    'serves: session,',
    'serves: session, capacity: lab.rated,',
  )
  await writeFile(path.join(folder, 'sub/lab.yaml'), plan)
  await writeFile(path.join(folder, 'lost.yaml'), plan)
  const { code, out } = await run('sub/lab.yaml', '--json')
  assert.equal(code, 0)
  assert.equal(JSON.parse(out).limit.typical, 48)
  const lost = await run('lost.yaml')
  assert.equal(lost.code, 2)
  assert.match(lost.err, /lab\.json.*no such file/)
})

test('[PC4] --html writes one page, never over the plan; forms exclude each other', async () => {
  const { code, out, err } = await run('wrong.yaml', '--html', 'out.html')
  assert.deepEqual([code, out, err], [0, '', 'written: out.html\n'])
  const html = await readFile(path.join(folder, 'out.html'), 'utf8')
  assert.match(html, /^<!doctype html>/)
  assert.match(html, /Claims that are wrong/)
  const over = await run('exam.yaml', '--html', './exam.yaml')
  assert.equal(over.code, 2)
  assert.match(over.err, /is the plan itself/)
  assert.equal(await readFile(path.join(folder, 'exam.yaml'), 'utf8'), PLAN)
  assert.match((await run('exam.yaml', '--html', '-')).out, /^<!doctype html>/)
  assert.equal((await run('exam.yaml', '--html', 'sub/none/out.html')).code, 4)
  for (const pair of [
    ['--json', '--markdown'],
    ['--markdown', '--html', 'x'],
    ['--why', 'app.limit', '--html', 'x'],
  ]) {
    assert.equal((await run('exam.yaml', ...pair)).code, 2)
  }
  assert.match((await run('exam.yaml', '--markdown')).out, /^# Exams\n\n- \*\*App: cpu breaks first\*\*/)
})

test('[PC5] --set answers as if the plan said so', async () => {
  const { out } = await run('exam.yaml', '--set', 'users=1000 users', '--set', 'tiers.app.surviveFailures=2', '--json')
  const result = JSON.parse(out)
  assert.equal(result.tiers[0].load.typical, 150)
  assert.equal(result.tiers[0].surviveFailures, 2)
  const wrong = await run('exam.yaml', '--set', 'usres=5 users')
  assert.equal(wrong.code, 2)
  assert.match(wrong.err, /--set: [\s\S]*there is no usres to set/)
  assert.doesNotMatch(wrong.err, /\^/)
  assert.equal((await run('exam.yaml', '--set', 'users')).code, 2)
})

test('[PC6] --why explains numbers, and knows the nearest name of one that is not there', async () => {
  const { code, out } = await run('exam.yaml', '--why', 'app.realistic', '--why', 'peak')
  assert.equal(code, 0)
  assert.match(out, /^app\.realistic is 42 sessions/)
  assert.match(out, /\n {2}app\.limit is 53 sessions/)
  assert.match(out, /\n\npeak is 15%.*nobody has counted/)
  assert.equal(JSON.parse((await run('exam.yaml', '--why', 'peak', '--json')).out).name, 'peak')
  const wrong = await run('exam.yaml', '--why', 'app.realstic')
  assert.deepEqual([wrong.code, wrong.out], [2, ''])
  assert.match(wrong.err, /--why app\.realstic: .*app\.realistic/)
})

test('[PC7] check ends with 1 only when a claim is wrong', async () => {
  const wrong = await run('check', 'wrong.yaml')
  assert.deepEqual([wrong.code, wrong.err], [1, ''])
  assert.match(wrong.out, /Claims: 1 of 1 claim is wrong/)
  assert.equal((await run('check', 'right.yaml')).code, 0)
  const none = await run('check', 'exam.yaml')
  assert.equal(none.code, 0)
  assert.match(none.out, /The plan makes no claims\./)
  const json = JSON.parse((await run('check', 'wrong.yaml', '--json')).out)
  assert.equal(json.claims[0].right.typical, 53)
})

test('[PC8] answers are valid by the schemas, and the schemas are the published ones', async () => {
  const result = JSON.parse((await run('wrong.yaml', '--json')).out)
  assert.ok(Schema.Compile(PlanResultSchema).Check(result))
  const check = JSON.parse((await run('check', 'wrong.yaml', '--json')).out)
  assert.ok(Schema.Compile(CheckResultSchema).Check(check))
  const files = { plan: 'plan', result: 'plan-result', check: 'plan-check', problems: 'plan-problems' }
  for (const [name, file] of Object.entries(files)) {
    const { out } = await run('schema', name)
    assert.equal(out, await readFile(path.join(ROOT, `docs/schemas/${file}.json`), 'utf8'))
    assert.equal(JSON.parse(out).$schema, 'https://json-schema.org/draft/2020-12/schema')
  }
  assert.match((await run('schema', 'nothing')).err, /there are plan, result, check, problems/)
})

test('[PC9] the command is there without the planner', async () => {
  const source = await readFile(new URL('./command.ts', import.meta.url), 'utf8')
  const imports = source.match(/^import (?!type).*$/gm) ?? []
  assert.deepEqual(
    imports.filter((line) => !/'(commander|node:process)'/.test(line)),
    [],
  )
  const program = await createProgram(contextIn(folder).context, 'plan')
  const plan = program.commands.find((command) => command.name() === 'plan')
  assert.deepEqual(
    plan?.commands.map((command) => command.name()),
    ['check', 'schema'],
  )
})
