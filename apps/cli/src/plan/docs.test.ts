// docs/planner.md as a newcomer follows it: each plan is added to the one before, each command is run and compared with what the page shows.
import assert from 'node:assert/strict'
import { copyFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { after, before, test } from 'node:test'
import { parse, stringify } from 'yaml'
import { ROOT } from '../context.ts'
import { runInFolder } from './testing/run-plan.ts'

interface Block {
  readonly info: string
  readonly body: string
  readonly line: number
}

function blocksOf(markdown: string): Block[] {
  const blocks: Block[] = []
  for (const match of markdown.matchAll(/^```(.*)\n([\s\S]*?)^```$/gm)) {
    const line = markdown.slice(0, match.index).split('\n').length
    blocks.push({ info: match[1] ?? '', body: match[2] ?? '', line })
  }
  return blocks
}

type Tree = { [key: string]: unknown }

const isTree = (value: unknown): value is Tree => typeof value === 'object' && value !== null && !Array.isArray(value)

/** `more` on top of `base`, key by key. */
function merged(base: Tree, more: Tree): Tree {
  const all = { ...base }
  for (const [key, value] of Object.entries(more)) {
    const before = all[key]
    all[key] = isTree(before) && isTree(value) ? merged(before, value) : value
  }
  return all
}

/** A command line as a shell would split it, single quotes included. */
const argumentsOf = (command: string): string[] =>
  [...command.matchAll(/(?:[^\s']|'[^']*')+/g)].map(([word]) => word.replaceAll("'", ''))

/**
 * The shown lines are in the output, in their order; `...` stands for anything, alone on a line or within one. How wide columns are
 * depends on the rest of the table, so spaces are compared as one.
 */
function assertShown(output: string, shown: string, where: string): void {
  let rest = spaced(output)
  for (const piece of shown.split(/\n?\.\.\.\n?/).filter((text) => text.trim() !== '')) {
    const wanted = spaced(piece)
    const at = rest.indexOf(wanted)
    assert.ok(at >= 0, `${where}: not in the output:\n${piece}\n\nthe output:\n${output}`)
    rest = rest.slice(at + wanted.length)
  }
}

const spaced = (text: string): string => text.replace(/ {2,}/g, ' ')

let folder: string

before(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'parley-plan-docs-'))
  await copyFile(path.join(ROOT, 'packages/planner/examples/lab-verdict.json'), path.join(folder, 'lab-verdict.json'))
})
after(() => rm(folder, { recursive: true, force: true }))

test('[PC10] every plan and every command of docs/planner.md works as it is written there', async () => {
  let plan: Tree = {}
  let commands = 0
  for (const { info, body, line } of blocksOf(await readFile(path.join(ROOT, 'docs/planner.md'), 'utf8'))) {
    const where = `docs/planner.md:${line}`
    if (info.startsWith('yaml')) {
      const whole = merged(plan, parse(body) as Tree)
      await writeFile(path.join(folder, 'captions.yaml'), stringify(whole, { lineWidth: 0 }))
      if (info === 'yaml') {
        plan = whole
        const { code, err } = await runInFolder(folder, ['plan', 'captions.yaml', '--json'])
        assert.equal(code, 0, `${where}: ${err}`)
      }
      continue
    }
    assert.equal(info, 'console', where)
    const [first = '', ...shown] = body.trimEnd().split('\n')
    const words = argumentsOf(first.replace(/^\$ \.\/parley /, ''))
    const exit = /^\(exit code (\d)\)$/.exec(shown.at(-1) ?? '')
    const { code, out, err } = await runInFolder(folder, words)
    assert.equal(code, exit === null ? 0 : Number(exit[1]), `${where}: ${err}`)
    assertShown(out + err, shown.slice(0, exit === null ? undefined : -1).join('\n'), where)
    commands++
  }
  assert.ok(commands >= 10)
})
