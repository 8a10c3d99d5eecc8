// Every numbered rule of a SPEC.md is quoted by a test title, and every quoted rule exists.
import { readFile } from 'node:fs/promises'

const RULE = /^\s*-\s+\*\*([A-Z]{2,4}\d+[a-z]?)\*\*/gm
const QUOTE = /\[((?:[A-Z]{2,4}\d+[a-z]?)(?:,\s*[A-Z]{2,4}\d+[a-z]?)*)\]/g
const TITLE = /\b(?:test|it|describe)(?:\.\w+)?\(\s*(['"`])([\s\S]*?)\1/g

export interface RuleFinding {
  readonly rule: string
  readonly problem: 'no test quotes it' | 'no SPEC.md has it' | 'defined twice'
  readonly where: string
}

export const rulesOf = (markdown: string): string[] => [...markdown.matchAll(RULE)].map((match) => match[1] as string)

export function quotesOf(testSource: string): string[] {
  const quotes: string[] = []
  for (const title of testSource.matchAll(TITLE)) {
    for (const quote of (title[2] ?? '').matchAll(QUOTE)) quotes.push(...(quote[1] ?? '').split(/,\s*/))
  }
  return quotes
}

/** Compares rules with quotes. `specs` and `tests` map file names to their text. */
export function compareRules(specs: ReadonlyMap<string, string>, tests: ReadonlyMap<string, string>): RuleFinding[] {
  const findings: RuleFinding[] = []
  const definedIn = new Map<string, string>()
  for (const [file, text] of specs) {
    for (const rule of rulesOf(text)) {
      if (definedIn.has(rule))
        findings.push({ rule, problem: 'defined twice', where: `${definedIn.get(rule)}, ${file}` })
      definedIn.set(rule, file)
    }
  }
  const quotedIn = new Map<string, string>()
  for (const [file, text] of tests) for (const rule of quotesOf(text)) quotedIn.set(rule, file)
  for (const [rule, where] of definedIn) {
    if (!quotedIn.has(rule)) findings.push({ rule, problem: 'no test quotes it', where })
  }
  for (const [rule, where] of quotedIn) {
    if (!definedIn.has(rule)) findings.push({ rule, problem: 'no SPEC.md has it', where })
  }
  return findings
}

export async function readAll(files: readonly string[]): Promise<Map<string, string>> {
  return new Map(await Promise.all(files.map(async (file) => [file, await readFile(file, 'utf8')] as const)))
}
