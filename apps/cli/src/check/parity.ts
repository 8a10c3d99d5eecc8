// What a catalogue lists is used, and what documents promise exists. The documents themselves are generated (docs.ts); this
// finds rows that no code uses and relative links that lead nowhere.
import { access, glob, readFile } from 'node:fs/promises'
import path from 'node:path'
import { CLOSE_REASON_NAMES, ERROR_CODES } from '@parley/protocol'

/** In the catalogue and raised by nothing yet. One that is raised must leave this list: the check says so. */
const RESERVED = new Set<string>([])
/** Files that only name codes: the catalogues, and the words the page and the client have for each. */
const NAMES_ONLY =
  /\.test\.ts$|(error-codes|close-codes|trouble-words|connection-transitions|parity)\.ts$|node_modules|dist/

async function sources(root: string): Promise<string> {
  const texts: string[] = []
  for (const base of ['packages', 'apps']) {
    for await (const file of glob(`${base}/*/src/**/*.{ts,tsx}`, { cwd: root })) {
      if (NAMES_ONLY.test(file)) continue
      texts.push(await readFile(path.join(root, file), 'utf8'))
    }
  }
  return texts.join('\n')
}

async function brokenLinks(root: string): Promise<string[]> {
  const broken: string[] = []
  for await (const file of glob('**/*.md', { cwd: root, exclude: (name) => /node_modules|dist/.test(String(name)) })) {
    const text = await readFile(path.join(root, file), 'utf8')
    for (const match of text.matchAll(/\]\(([^)#\s]+)(?:#[^)]*)?\)/g)) {
      const target = match[1] as string
      if (/^[a-z]+:/.test(target)) continue
      const resolved = path.resolve(root, path.dirname(file), target)
      await access(resolved).catch(() => broken.push(`${file}: the link to ${target} leads nowhere`))
    }
  }
  return broken
}

/** One sentence per finding; empty when all is well. */
export async function parityFindings(root: string): Promise<string[]> {
  const findings: string[] = []
  const code = await sources(root)
  for (const name of [...ERROR_CODES, ...CLOSE_REASON_NAMES]) {
    const used = new RegExp(`['"\`]${name}['"\`]|\\b${name}:`).test(code)
    if (used && RESERVED.has(name)) findings.push(`${name} is raised now: take it out of RESERVED in parity.ts`)
    if (!used && !RESERVED.has(name)) findings.push(`${name} is in the catalogue, but no code uses it`)
  }
  return [...findings, ...(await brokenLinks(root))]
}
