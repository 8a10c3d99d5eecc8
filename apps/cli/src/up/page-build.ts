// Builds the page (apps/dashboard) with Vite when its sources changed since the last build; swaps the result in whole.
import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { access, mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { pathToFileURL } from 'node:url'

/** Everything that ends up in the page: its own folder, what it imports, and the versions of the tools. */
const SOURCES = [
  'apps/dashboard/index.html',
  'apps/dashboard/package.json',
  'apps/dashboard/vite.config.ts',
  'apps/dashboard/build.ts',
  'apps/dashboard/public',
  'apps/dashboard/src',
  'packages/audio/src',
  'packages/client/src',
  'packages/kernel/src',
  'packages/protocol/src',
  'samples',
  'package-lock.json',
]
const STAMP = '.sources'
const BUILD_LIMIT_MS = 180_000

export type PageBuild =
  | { readonly kind: 'built' }
  | { readonly kind: 'unchanged' }
  /** `detail` is everything the build said. */
  | { readonly kind: 'failed'; readonly reason: string; readonly detail?: string }

async function filesUnder(root: string, relative: string): Promise<string[]> {
  const entries = await readdir(path.join(root, relative), { withFileTypes: true, recursive: true }).catch(
    () => undefined,
  )
  if (!entries) return [relative]
  return entries
    .filter((entry) => entry.isFile() && !/\.test\.tsx?$/.test(entry.name))
    .map((entry) => path.relative(root, path.join(entry.parentPath, entry.name)))
}

/** A hash over names and contents of the page's sources; files that are missing count as missing. */
export async function sourcesHash(root: string): Promise<string> {
  const hash = createHash('sha256')
  const files = (await Promise.all(SOURCES.map((source) => filesUnder(root, source)))).flat().sort()
  for (const file of files) {
    const content = await readFile(path.join(root, file)).catch(() => undefined)
    if (content) hash.update(`${file}\0${content.length}\0`).update(content)
  }
  return hash.digest('hex')
}

/** Runs the page's own build in a process of its own: Vite's memory goes with it. Undefined, or what went wrong. */
function runBuild(root: string, outDir: string, env: NodeJS.ProcessEnv): Promise<string | undefined> {
  const script = 'const [module, outDir] = process.argv.slice(1); await (await import(module)).buildPage({ outDir })'
  const module = pathToFileURL(path.join(root, 'apps/dashboard/build.ts')).href
  return new Promise((resolve) => {
    execFile(
      process.execPath,
      ['--input-type=module', '--eval', script, module, outDir],
      {
        cwd: path.join(root, 'apps/dashboard'),
        env: { ...env, NO_COLOR: '1' },
        timeout: BUILD_LIMIT_MS,
        maxBuffer: 4 << 20,
      },
      (error, stdout, stderr) => resolve(error ? (stderr || stdout || error.message).trim() : undefined),
    )
  })
}

/** The line of a build's output that names the mistake. */
export function buildError(output: string): string {
  const lines = output.split('\n').map((line) => line.trim())
  return (
    lines.find((line) => /^\[[A-Z_]+\]|\bError\b.*:/.test(line)) ??
    lines.find((line) => line !== '') ??
    'no reason given'
  )
}

/** Brings apps/dashboard/dist up to date. A failed build leaves an older page in its place. */
export async function buildPage(root: string, env: NodeJS.ProcessEnv = {}): Promise<PageBuild> {
  const folder = path.join(root, 'apps/dashboard')
  const dist = path.join(folder, 'dist')
  const hash = await sourcesHash(root)
  if ((await readFile(path.join(dist, STAMP), 'utf8').catch(() => '')) === hash) return { kind: 'unchanged' }
  const hasPage = await access(path.join(folder, 'index.html')).then(
    () => true,
    () => false,
  )
  if (!hasPage) return { kind: 'failed', reason: 'apps/dashboard/index.html is not there' }
  // Built beside and moved in: a pod that serves the old page never sees half of a new one.
  const work = path.join(folder, 'node_modules/.page')
  const [next, old] = [path.join(work, `next-${process.pid}`), path.join(work, `old-${process.pid}`)]
  try {
    await mkdir(work, { recursive: true })
    const problem = await runBuild(root, next, env)
    if (problem !== undefined) return { kind: 'failed', reason: buildError(problem), detail: problem }
    await writeFile(path.join(next, STAMP), hash)
    await rename(dist, old).catch(() => {})
    await rename(next, dist)
    return { kind: 'built' }
  } catch (error) {
    return { kind: 'failed', reason: error instanceof Error ? error.message : String(error) }
  } finally {
    await rm(next, { recursive: true, force: true })
    await rm(old, { recursive: true, force: true })
  }
}
