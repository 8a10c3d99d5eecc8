import assert from 'node:assert/strict'
import { PassThrough } from 'node:stream'
import test from 'node:test'
import { bar, Output, Progress, style, table, visibleLength, wantsColour } from './index.ts'

function terminal(isTTY: boolean) {
  return Object.assign(new PassThrough(), { isTTY, columns: 40 })
}

test('[CMD3] colour needs a terminal and no NO_COLOR', () => {
  assert.equal(wantsColour({ isTTY: true }, {}), true)
  assert.equal(wantsColour({ isTTY: true }, { NO_COLOR: '1' }), false)
  assert.equal(wantsColour({ isTTY: true }, { NO_COLOR: '' }), true)
  assert.equal(wantsColour({ isTTY: true }, { TERM: 'dumb' }), false)
  assert.equal(wantsColour({}, {}), false)
})

test('[CMD3] progress is one line on a terminal, cut to its width, gone before what stays; nothing in a pipe', () => {
  const stderr = terminal(true)
  const output = new Output({ stdout: terminal(false), stderr }, {})
  output.progress.update('x'.repeat(100), 0.5)
  output.note('stays')
  const text = String(stderr.read())
  assert.match(text, /\[#{12}-{12}\] 50 % x+/)
  assert.ok(text.endsWith('\r\u001b[Kstays\n'))
  const quiet = terminal(false)
  const pipe = new Output({ stdout: quiet, stderr: quiet }, {})
  pipe.progress.update('busy')
  pipe.json({ a: 1 })
  assert.equal(String(quiet.read()), '{"a":1}\n')
})

test('[CMD3] a reader that goes away is no failure', () => {
  const stdout = new PassThrough()
  const output = new Output({ stdout, stderr: new PassThrough() }, {})
  stdout.destroy(new Error('EPIPE'))
  assert.doesNotThrow(() => output.line('unread'))
})

test('[CMD3] tables align by what is seen, bars stay in their bounds', () => {
  const { red } = style(true)
  assert.equal(visibleLength(red('abc')), 3)
  const [first, second] = table([
    [red('a'), 'x'],
    ['bbb', 'y'],
  ])
  assert.equal(visibleLength(first ?? ''), 6)
  assert.equal(second, 'bbb  y')
  assert.equal(bar(2, 4), '[####] 100 %')
  assert.equal(bar(-1, 4), '[----] 0 %')
  assert.ok(new Progress({ write() {} }, false))
})
