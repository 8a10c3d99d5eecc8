import assert from 'node:assert/strict'
import { PassThrough } from 'node:stream'
import test from 'node:test'
import { systemClock } from '@parley/kernel'
import { COMMANDS, loadCommand } from './commands.ts'
import type { CliContext } from './context.ts'
import { EXIT } from './exit-codes.ts'
import { Output } from './output/index.ts'
import { createProgram, runCli } from './program.ts'

function context(env: NodeJS.ProcessEnv = {}) {
  const [stdout, stderr] = [new PassThrough(), new PassThrough()]
  const value: CliContext = {
    env,
    cwd: '/',
    homeDir: '/nonexistent',
    clock: systemClock,
    output: new Output({ stdout, stderr }, env),
  }
  const text = (stream: PassThrough) => String(stream.read() ?? '')
  return { value, out: () => text(stdout), err: () => text(stderr) }
}

test('[CMD4] every command can be loaded, and has a sentence and help', async () => {
  for (const entry of COMMANDS) {
    const command = await loadCommand(entry, context().value)
    if (command === undefined) continue
    assert.equal(command.name(), entry.name)
    assert.notEqual(command.description(), '', entry.name)
  }
  const program = await createProgram(context().value)
  assert.deepEqual(
    program.commands.map((command) => command.name()),
    COMMANDS.map((entry) => entry.name),
  )
  assert.match(program.helpInformation(), /doctor/)
})

test('[CMD4] a command that is not part of the copy is a sentence, not a crash', async () => {
  const entry = { name: 'gone', summary: 'x', module: './nowhere/command.ts', factory: 'createGone' }
  assert.equal(await loadCommand(entry, context().value), undefined)
})

test('[CMD4] the commands that install document the options that the launcher reads', async () => {
  const program = await createProgram(context().value)
  for (const name of ['up', 'test', 'check', 'bench']) {
    const command = program.commands.find((candidate) => candidate.name() === name)
    const long = command?.options.map((option) => option.long) ?? []
    assert.ok(long.includes('--yes') && long.includes('--offline'), name)
  }
})

test('[CMD5] config show prints every key with its source and hides secrets unless revealed', async () => {
  const env = { PARLEY_API_KEY: 'pk_hunter2hunter2hunter2', PARLEY_SERVER_PORT: '8081' }
  const hidden = context(env)
  assert.equal(await runCli(['config', 'show'], hidden.value), EXIT.ok)
  const text = hidden.out()
  assert.match(text, /server\.port +8081 +PARLEY_SERVER_PORT/)
  assert.match(text, /auth\.apiKey +\(set, hidden\) +PARLEY_API_KEY/)
  assert.doesNotMatch(text, /hunter2/)
  const open = context(env)
  assert.equal(await runCli(['config', 'show', '--reveal', 'apiKey', '--json'], open.value), EXIT.ok)
  const json = JSON.parse(open.out()) as { keys: Record<string, { value: unknown; source: string }> }
  assert.deepEqual(json.keys['auth.apiKey'], { value: env.PARLEY_API_KEY, source: 'PARLEY_API_KEY' })
  assert.deepEqual(json.keys['admin.token'], { value: '(empty)', source: 'default' })
})

test('[CMD5] revealing what is no key names the nearest one', async () => {
  const { value, err } = context()
  assert.equal(await runCli(['config', 'show', '--reveal', 'apikye'], value), EXIT.usage)
  assert.match(err(), /apikye is not a key; did you mean apiKey\?/)
})

test('[CMD6] link and status without a running platform say how to start one, exit code 5', async () => {
  for (const command of ['link', 'status']) {
    const { value, err } = context()
    assert.equal(await runCli([command], value), EXIT.missing)
    assert.match(err(), /no platform runs .*start one with \.\/parley up/)
  }
})

test('[CMD2] a configuration with mistakes is exit code 2 for every command that reads it', async () => {
  for (const command of ['up', 'link', 'status', 'doctor', 'config']) {
    const { value, err } = context({ PARLEY_SERVER_PROT: '1', PARLEY_SERVER_PORT: 'x' })
    assert.equal(await runCli([command], value), EXIT.usage, command)
    assert.match(err(), /2 mistakes:\n.*did you mean PARLEY_SERVER_PORT\?\n.*server\.port is x/)
  }
})
