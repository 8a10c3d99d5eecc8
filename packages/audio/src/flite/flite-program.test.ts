import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FliteProgram, loadFliteModule } from './flite-program.ts'

const say = (text: string, voice = 'slt') => ['-voice', voice, '-t', text, '-o', '/speech.wav']

test('[AU32] a run knows nothing of those before it: used again, the program says what a fresh one says', async () => {
  const module = await loadFliteModule()
  const fresh = (args: readonly string[]) => new FliteProgram(module).run(args)
  const used = new FliteProgram(module)
  const runs = [say('one two three'), say('hello', 'rms'), say('four', 'kal16'), ['--version'], say('one two three')]
  for (const args of runs) assert.deepEqual(used.run(args), fresh(args))
  assert.deepEqual(used.run(say('hello', 'rms')), fresh(say('hello', 'rms')))
})

test('[AU32] a run that grew the memory or ended badly leaves nothing to the next', async () => {
  const module = await loadFliteModule()
  const program = new FliteProgram(module)
  const hello = program.run(say('hello'))
  assert.equal(hello.exitCode, 0)
  assert.ok(program.run(say('all the numbers there are '.repeat(60))).wav.length > 1_000_000)
  assert.deepEqual(program.run(say('hello')), hello)
  program.run(['--help'])
  assert.deepEqual(program.run(say('hello')), hello)
})

test('[AU32] a text that looks like an option or a file is a text', async () => {
  const program = new FliteProgram(await loadFliteModule())
  for (const text of ['-o /etc/passwd', '--version', '/etc/passwd', '<speak>hello</speak>']) {
    const { exitCode, wav } = program.run(say(text))
    assert.ok(exitCode === 0 && wav.length > 1_000, text)
  }
})
