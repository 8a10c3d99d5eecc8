import assert from 'node:assert/strict'
import { Writable } from 'node:stream'
import { test } from 'node:test'
import type { ReceivedCaption } from '@parley/client'
import { ParleyClientError } from '@parley/client'
import { JsonPrinter, PipePrinter, TerminalPrinter } from './printers.ts'

/** As much of a terminal as is drawn on: rows of text, wrapped at the edge, carriage return, cursor up, clear to the end. */
class Screen extends Writable {
  readonly isTTY = true
  columns: number
  rows = 24
  raw = ''
  #lines: string[] = ['']
  #row = 0
  #column = 0

  constructor(columns: number) {
    super({ decodeStrings: false })
    this.columns = columns
  }

  override _write(chunk: string, _encoding: string, done: () => void): void {
    this.raw += chunk
    // biome-ignore lint/suspicious/noControlCharactersInRegex: a terminal is steered by control characters
    for (const [token] of chunk.matchAll(/\u001b\[(\d*)([A-Za-z])|[\s\S]/gu)) this.#take(token)
    done()
  }

  get text(): string {
    return this.#lines
      .map((line) => line.trimEnd())
      .join('\n')
      .trimEnd()
  }

  /** Narrower or wider: rows longer than the new width wrap, as terminals do. */
  resize(columns: number): void {
    this.columns = columns
    const before = this.#lines
    const cursorLine = this.#row
    this.#lines = []
    for (const [index, line] of before.entries()) {
      const parts = line.match(new RegExp(`.{1,${columns}}`, 'gu')) ?? ['']
      this.#lines.push(...parts)
      if (index === cursorLine) {
        this.#row = this.#lines.length - 1
        this.#column = (parts.at(-1) as string).length
      }
    }
    this.emit('resize')
  }

  #take(token: string): void {
    if (token === '\r') this.#column = 0
    else if (token === '\n') {
      this.#row++
      this.#column = 0
      this.#lines[this.#row] ??= ''
    } else if (token.endsWith('A') && token.length > 1) this.#row = Math.max(0, this.#row - Number(token.slice(2, -1)))
    else if (token.endsWith('J') && token.length > 1) {
      this.#lines.length = this.#row + 1
      this.#lines[this.#row] = (this.#lines[this.#row] ?? '').slice(0, this.#column)
    } else if (token.length === 1 || !token.startsWith('\u001b')) this.#put(token)
  }

  #put(character: string): void {
    if (this.#column >= this.columns) this.#take('\n')
    if (this.#column >= this.columns) this.#column = 0
    const line = (this.#lines[this.#row] ?? '').padEnd(this.#column)
    this.#lines[this.#row] = line.slice(0, this.#column) + character + line.slice(this.#column + 1)
    this.#column++
  }
}

class Collector extends Writable {
  text = ''
  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.text += chunk.toString()
    done()
  }
}

const caption = (kind: 'partial' | 'final', index: number, text: string, stable = text.length): ReceivedCaption => ({
  type: 'caption',
  kind,
  utterance: { epoch: 1, index },
  revision: 1,
  text,
  stable,
  startMs: 100,
  endMs: 900,
  language: 'en',
  receivedAtMs: 0,
})

test('[CC12] partials are drawn in place, a final replaces them and stays', () => {
  const screen = new Screen(80)
  const printer = new TerminalPrinter(screen, new Collector(), true, false)
  printer.partial(caption('partial', 0, 'hello', 0))
  printer.partial(caption('partial', 0, 'hello word', 5))
  assert.equal(screen.text, 'hello word')
  assert.ok(screen.raw.includes('hello\u001b[2m word\u001b[22m'))
  printer.final(caption('final', 0, 'Hello world.'))
  printer.partial(caption('partial', 1, 'next', 0))
  assert.equal(screen.text, 'Hello world.\nnext')
  printer.end()
  assert.equal(screen.text, 'Hello world.')
  assert.equal(screen.listenerCount('resize'), 0)
})

test('[CC12] without colour nothing is painted', () => {
  const screen = new Screen(80)
  new TerminalPrinter(screen, new Collector(), false, false).partial(caption('partial', 0, 'hello', 0))
  assert.ok(!screen.raw.includes('\u001b[2m'))
})

test('[CC12] on a narrow terminal long partials take several rows and leave none behind', () => {
  for (const columns of [80, 24, 10, 5, 2]) {
    const screen = new Screen(columns)
    const printer = new TerminalPrinter(screen, new Collector(), true, false)
    const words = 'this is a rather long sentence that goes on and on'.split(' ')
    for (let count = 1; count <= words.length; count++) {
      printer.partial(caption('partial', 0, words.slice(0, count).join(' '), 0))
    }
    printer.final(caption('final', 0, 'Done.'))
    printer.end()
    assert.equal(screen.text.replaceAll('\n', ''), 'Done.', `${columns} columns`)
  }
})

test('[CC12] a terminal resized in mid-sentence is drawn anew', () => {
  const screen = new Screen(60)
  const printer = new TerminalPrinter(screen, new Collector(), true, false)
  const text = 'this is a rather long sentence that goes on and on'
  printer.final(caption('final', 0, 'First.'))
  printer.partial(caption('partial', 1, text, 10))
  for (const columns of [20, 12, 50, 90]) {
    screen.resize(columns)
    assert.equal(screen.text.replace(/\s+/g, ' '), `First. ${text}`, `${columns} columns`)
  }
  printer.final(caption('final', 1, 'Second.'))
  assert.equal(screen.text, 'First.\nSecond.')
})

test('[CC12] notes make way for nothing: they stand above the line that is still changing', () => {
  const screen = new Screen(80)
  const printer = new TerminalPrinter(screen, screen, true, false)
  printer.partial(caption('partial', 0, 'hello', 0))
  printer.note('a note')
  assert.equal(screen.text, 'a note\nhello')
  printer.abandoned(0)
  assert.equal(screen.text, 'a note')
})

test('[CC11] in a pipe there are only finals, one per line, whatever is in them', () => {
  const [out, err] = [new Collector(), new Collector()]
  const printer = new PipePrinter(out, err, false)
  printer.partial()
  printer.final(caption('final', 0, 'one\ntwo\u001b[31m'))
  printer.note('said aside')
  printer.speech('waiting')
  printer.message({ type: 'message', messageId: 'msg_1', sentAtMs: 5, data: { text: '\u001b[2J' } })
  assert.match(err.text, /\nmessage: \{"text":"\\u001b\[2J"\}/)
  assert.equal(out.text, 'one two [31m\n')
  assert.match(err.text, /^said aside\nrecognition waits/)
})

test('[CC13] JSON captions have exactly these fields, lag only on finals', () => {
  const [out, err] = [new Collector(), new Collector()]
  const printer = new JsonPrinter(out, err)
  printer.partial(caption('partial', 3, 'hello', 2))
  printer.final(caption('final', 3, 'Hello.'), 312.4)
  printer.error(new ParleyClientError('NO_SLOT', { retryAfterMs: 5 }))
  printer.speech('ready')
  printer.message({ type: 'message', messageId: 'msg_1', sentAtMs: 5, data: { ring: 7 } })
  const lines = out.text.trim().split('\n')
  assert.equal(lines.pop(), '{"type":"message","messageId":"msg_1","sentAtMs":5,"data":{"ring":7}}')
  assert.deepEqual(lines.slice(0, 2), [
    '{"type":"partial","utterance":3,"text":"hello","stable":2,"startMs":100,"endMs":900}',
    '{"type":"final","utterance":3,"text":"Hello.","stable":6,"startMs":100,"endMs":900,"lagMs":312}',
  ])
  assert.deepEqual(
    lines.slice(2).map((line) => (JSON.parse(line) as { type: string }).type),
    ['error', 'speech'],
  )
  assert.match(err.text, /NO_SLOT/)
})

const translation = (kind: 'partial' | 'final', utterance: number, language: string, text: string) => ({
  type: 'translation' as const,
  kind,
  utterance: { epoch: 1, index: utterance },
  revision: 2,
  language,
  text,
  of: 1,
  startMs: 100,
  endMs: 900,
  receivedAtMs: 1,
})

test('[CC44] translations of what is live are drawn below it, each in its rows; finals stay below theirs', () => {
  const screen = new Screen(30)
  const printer = new TerminalPrinter(screen, screen, false, false)
  printer.partial(caption('partial', 0, 'good', 0))
  printer.translation(translation('partial', 0, 'es', 'buenos'))
  printer.translation(translation('partial', 0, 'ca', 'bon\u001b[31m'))
  printer.translation(translation('partial', 9, 'es', 'of nothing that is live'))
  printer.translation(translation('partial', 0, 'es', 'buenos dias a todos los que han venido hoy aqui'))
  printer.note('a note')
  const live = ['good', '  es  buenos dias a todos los', 'que han venido hoy aqui', '  ca  bon [31m']
  assert.deepEqual(
    screen.text.split('\n').map((line) => line.trim()),
    ['a note', ...live].map((line) => line.trim()),
  )
  printer.final(caption('final', 0, 'Good.'))
  printer.partial(caption('partial', 1, 'next', 0))
  printer.translation(translation('final', 0, 'es', 'Buenos dias.'))
  const polished = { type: 'polished', utterance: { epoch: 1, index: 0 }, revision: 3, of: 1, language: 'en' } as const
  printer.polished({ ...polished, text: 'Good day', receivedAtMs: 1 })
  printer.polished({ ...polished, seq: 2, text: 'Good day.', receivedAtMs: 1 })
  assert.equal(screen.text, 'a note\nGood.\n  es  Buenos dias.\n  ~  Good day.\nnext')
  printer.end()
  assert.equal(screen.text, 'a note\nGood.\n  es  Buenos dias.\n  ~  Good day.')
})

test('[CC44] however many languages and however low the terminal, no row is left over', () => {
  for (const [columns, rows] of [
    [80, 24],
    [20, 4],
    [10, 2],
  ] as const) {
    const screen = new Screen(columns)
    screen.rows = rows
    const printer = new TerminalPrinter(screen, screen, false, false)
    const words = 'this is a rather long sentence that goes on and on'
    for (let count = 1; count <= words.length; count += 7) {
      printer.partial(caption('partial', 0, words.slice(0, count), 0))
      for (const language of ['es', 'ca', 'fr', 'pt']) {
        printer.translation(translation('partial', 0, language, words.slice(0, count)))
      }
    }
    printer.final(caption('final', 0, 'Done.'))
    printer.end()
    assert.equal(screen.text, 'Done.', `${columns} x ${rows}`)
  }
})
