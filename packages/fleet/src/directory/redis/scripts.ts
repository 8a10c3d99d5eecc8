// The Lua scripts, as sent to Redis: a body behind what it builds on. Called by the hash of their text.
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'

export interface Script {
  readonly name: string
  readonly text: string
  /** SHA-1, as EVALSHA wants it. */
  readonly sha: string
}

const read = (file: string): string => readFileSync(new URL(`./scripts/${file}.lua`, import.meta.url), 'utf8')

function script(name: string, ...before: readonly string[]): Script {
  const text = [...before, name].map(read).join('\n')
  return { name, text, sha: createHash('sha1').update(text).digest('hex') }
}

const ofDirectory = (name: string, ...more: readonly string[]): Script => script(name, 'prelude', ...more)

export const SCRIPTS = {
  open: ofDirectory('open'),
  join: ofDirectory('join'),
  report: ofDirectory('report'),
  leave: ofDirectory('leave'),
  claim: ofDirectory('claim', 'placing'),
  confirm: ofDirectory('confirm'),
  release: ofDirectory('release'),
  locate: ofDirectory('locate'),
  move: ofDirectory('move', 'placing'),
  reclaim: ofDirectory('reclaim'),
  order: ofDirectory('order'),
  members: ofDirectory('members'),
  budget: ofDirectory('budget'),
  append: ofDirectory('append'),
  recall: ofDirectory('recall'),
  text: ofDirectory('text'),
} as const
