import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { TestNote } from './note.ts'
import { MAX_SECOND_LOOKS, SecondLook } from './second-look.ts'

const end = (file: string): TestNote => ({ is: 'file', file, ms: 1, cpuMs: 1 })
const good = (file: string): TestNote[] => [{ is: 'passed', file }, end(file)]
const bad = (file: string, text = 'wrong'): TestNote[] => [
  { is: 'passed', file },
  { is: 'failed', file, text },
  end(file),
]
const told = (notes: readonly TestNote[]) =>
  notes.flatMap((note) =>
    note.is === 'file' ? [] : [`${note.is} ${note.file}${'text' in note ? ` ${note.text}` : ''}`],
  )

/** `again`: what becomes of files that are run once more. */
async function look(first: readonly TestNote[], again: Readonly<Record<string, readonly TestNote[]>>) {
  const notes: TestNote[] = []
  const ran: string[] = []
  const secondLook = new SecondLook((note) => notes.push(note))
  for (const note of first) secondLook.take(note)
  await secondLook.lookAgain(async (files, onNote) => {
    for (const file of files) {
      ran.push(file)
      for (const note of again[file] ?? []) onNote(note)
    }
  })
  return { notes: told(notes), ran }
}

test('[TST4] what failed is run once more by itself, and only that: its second run counts, and the first is told', async () => {
  const { notes, ran } = await look([...good('a'), ...bad('b', 'late'), ...bad('c'), ...good('d')], {
    b: good('b'),
    c: bad('c', 'wrong again'),
  })
  assert.deepEqual(ran, ['b', 'c'])
  assert.deepEqual(notes, [
    'passed a',
    'put-off b late',
    'put-off c wrong',
    'passed d',
    'passed b',
    'unsteady b late',
    'passed c',
    'failed c wrong again',
  ])
})

test('[TST4] files side by side are told apart', async () => {
  const [passed, through] = good('a') as [TestNote, TestNote]
  const { notes, ran } = await look([passed, ...bad('b'), through], { b: bad('b') })
  assert.deepEqual([notes, ran], [['put-off b wrong', 'passed a', 'passed b', 'failed b wrong'], ['b']])
})

test('[TST4] where many have failed, or the run is interrupted, the first run counts', async () => {
  const files = Array.from({ length: MAX_SECOND_LOOKS + 1 }, (_, n) => `f${n}`)
  const many = await look(
    files.flatMap((file) => bad(file)),
    Object.fromEntries(files.map((file) => [file, good(file)])),
  )
  assert.deepEqual(many.ran, [])
  assert.equal(many.notes.filter((note) => note.startsWith('failed')).length, files.length)
  const interrupted = await look(bad('a'), { a: [] })
  assert.deepEqual(interrupted.notes, ['put-off a wrong', 'passed a', 'failed a wrong'])
})
