// Packages that come as hundreds of small modules, each as a few files: reading them one by one is a third of what it takes a process of the
// project to start, and the tests start a thousand. Only for tests: bundle-hook.ts puts them in place, in test files and all that these start.
import { createHash } from 'node:crypto'
import { access, mkdir, mkdtemp, readFile, rename, rm } from 'node:fs/promises'
import path from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'

/** What they are imported by. Each kind of what a package exports is there once, whichever of its names it is imported by. */
const BUNDLED = ['typebox', 'typebox/compile', 'typebox/schema', 'typebox/value', 'kysely', 'jose'] as const
const HOOK = new URL('./bundle-hook.ts', import.meta.url)
const THIS_FILE = fileURLToPath(import.meta.url)

/** Of the file of a bundle, without its ending; bundle-hook.ts says the same. */
const nameOf = (specifier: string): string => specifier.replace('/', '.')

/**
 * Makes the bundles of what is installed, unless they are there already (two seconds). Resolves with what NODE_OPTIONS needs to say for a process
 * to use them. Rejects when they cannot be made: without them everything is the same, only slower.
 */
export async function bundleOptions(root: string): Promise<string> {
  const parent = path.join(root, 'node_modules/.cache/bundles')
  const folder = path.join(parent, await fingerprint(root))
  const isThere = await access(folder).then(
    () => true,
    () => false,
  )
  if (!isThere) await makeBundles(parent, folder)
  const hook = new URL(HOOK)
  hook.searchParams.set('folder', pathToFileURL(`${folder}/`).href)
  hook.searchParams.set('bundled', BUNDLED.join())
  return `--import=${hook.href}`
}

async function fingerprint(root: string): Promise<string> {
  const hash = createHash('sha256')
  for (const file of [path.join(root, 'package-lock.json'), THIS_FILE]) hash.update(await readFile(file))
  return hash.digest('hex').slice(0, 16)
}

/** Whole or not at all: another run may be doing the same, and what either leaves there is right. */
async function makeBundles(parent: string, folder: string): Promise<void> {
  // Of the test set, and the command line is there without it.
  const { rolldown } = await import('rolldown')
  await mkdir(parent, { recursive: true })
  const made = await mkdtemp(path.join(parent, '.making-'))
  try {
    const entries = BUNDLED.map((specifier) => [nameOf(specifier), fileURLToPath(import.meta.resolve(specifier))])
    const input: Record<string, string> = Object.fromEntries(entries)
    const bundle = await rolldown({ input, platform: 'node', logLevel: 'silent' })
    await bundle.write({ dir: made, format: 'esm' })
    await bundle.close()
    await rename(made, folder).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENOTEMPTY' && error.code !== 'EEXIST') throw error
    })
  } finally {
    await rm(made, { recursive: true, force: true })
  }
}
