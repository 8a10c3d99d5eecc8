import assert from 'node:assert/strict'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, test } from 'node:test'
import { eventually } from '@parley/kernel/testing'
import type { TestNote } from './note.ts'
import { runFiles } from './run-files.ts'

let folder = ''
beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'parley-runner-'))
})
afterEach(() => rm(folder, { recursive: true, force: true }))

/** Starts a program that holds the file's output open for a minute, and writes down which. */
const LEAVES_A_PROGRAM = `
  import { spawn } from 'node:child_process'
  import { writeFileSync } from 'node:fs'
  const left = spawn('sleep', ['60'], { stdio: 'inherit' })
  writeFileSync(new URL('./left', import.meta.url), String(left.pid))
  left.unref()
`

async function notesOf(
  files: Readonly<Record<string, string>>,
  { timeoutMs = 60_000, signal = new AbortController().signal } = {},
): Promise<readonly TestNote[]> {
  for (const [name, text] of Object.entries(files)) await writeFile(path.join(folder, name), text)
  const notes: TestNote[] = []
  const run = { files: Object.keys(files), concurrency: 2, timeoutMs, niceness: 1, root: folder }
  await runFiles(run, (note) => notes.push(note), signal)
  return notes
}

const failuresOf = (notes: readonly TestNote[]) => notes.flatMap((note) => (note.is === 'failed' ? [note.text] : []))

async function untilGone(): Promise<void> {
  const pid = Number(await readFile(path.join(folder, 'left'), 'utf8'))
  await eventually(() => {
    try {
      process.kill(pid, 0)
      return `${pid} lives`
    } catch {
      return undefined
    }
  })
}

test('[TST2] tests are counted one by one; what a file is besides its tests is told with what it wrote', async () => {
  const notes = await notesOf({
    'good.mjs': `import { describe, test } from 'node:test'
      describe('all', () => { test('one', () => {}); test('two', { skip: 'no cake' }, () => {}) })`,
    'bad.mjs': `import test from 'node:test'
      console.error('a hint')
      test('three', () => { throw new Error('as it should not be') })`,
    'thrown.mjs': `throw new Error('before any test')`,
    'left.mjs': `import test from 'node:test'
      test('four', () => {})
      process.on('exit', () => { process.exitCode = 7 })`,
  })
  assert.equal(notes.filter(({ is }) => is === 'passed').length, 2)
  assert.deepEqual(
    notes.filter(({ is }) => is === 'skipped'),
    [{ is: 'skipped', file: 'good.mjs', name: 'two', why: 'no cake' }],
  )
  const failures = failuresOf(notes).toSorted()
  assert.equal(failures.length, 3)
  assert.match(failures[0] ?? '', /FAILED bad.mjs: three\n[\s\S]*as it should not be[\s\S]*! a hint/)
  assert.match(failures[1] ?? '', /FAILED left.mjs: the file as a whole\n +it ended with 7/)
  assert.match(
    failures[2] ?? '',
    /FAILED thrown.mjs: the file as a whole\n +it ended with 1\n[\s\S]*! .*before any test/,
  )
  const through = notes.flatMap((note) => (note.is === 'file' && note.cpuMs > 0 ? [note.file] : []))
  assert.deepEqual(through.toSorted(), ['bad.mjs', 'good.mjs', 'left.mjs'])
})

test('[TST1] a file that hangs is ended with all that it started, and says in what', async () => {
  const hanging = `${LEAVES_A_PROGRAM}
    import test from 'node:test'
    process.on('SIGTERM', () => {})
    test('quick', () => {})
    test('waits', () => new Promise(() => setInterval(() => {}, 1_000)))`
  const notes = await notesOf({ 'hangs.mjs': hanging }, { timeoutMs: 2_000 })
  assert.equal(notes.filter(({ is }) => is === 'passed').length, 1)
  assert.match(
    failuresOf(notes).join(),
    /FAILED hangs.mjs: the file as a whole\n +it was ended after 2 s; not through: waits/,
  )
  await untilGone()
})

test('[TST1] what a file leaves behind ends with it', async () => {
  const notes = await notesOf({ 'leaves.mjs': LEAVES_A_PROGRAM })
  assert.deepEqual(failuresOf(notes), [])
  await untilGone()
})

test('[TST3] an interrupted run ends what is under way, and begins nothing more', async () => {
  const abort = new AbortController()
  const slow = `${LEAVES_A_PROGRAM}
    setInterval(() => {}, 1_000)`
  const run = notesOf({ 'one.mjs': slow, 'two.mjs': slow, 'three.mjs': slow }, { signal: abort.signal })
  await eventually(async () =>
    (await readFile(path.join(folder, 'left'), 'utf8').catch(() => '')) ? undefined : 'none',
  )
  abort.abort()
  assert.deepEqual(await run, [])
  await untilGone()
})
