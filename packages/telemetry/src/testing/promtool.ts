// promtool for tests, without installing Prometheus: the one on the PATH, else the Debian package unpacked into a cache folder
// of the project. Not for production code.
import { execFile, spawn } from 'node:child_process'
import { access, chmod, mkdir, mkdtemp, readdir, rename, rm } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)
const CACHE = resolve(import.meta.dirname, '../../../../node_modules/.cache/parley/promtool')
const DOWNLOAD_LIMIT_MS = 120_000

export type Promtool = { readonly ok: true; readonly path: string } | { readonly ok: false; readonly why: string }

/** Where promtool is; `why` not, when there is none and the package archive cannot be reached. */
export async function findPromtool(): Promise<Promtool> {
  const cached = join(CACHE, 'promtool')
  if (await works('promtool')) return { ok: true, path: 'promtool' }
  if (await works(cached)) return { ok: true, path: cached }
  try {
    await mkdir(CACHE, { recursive: true })
    const work = await mkdtemp(join(CACHE, 'fetch-'))
    try {
      await fetchInto(work)
      await chmod(join(work, 'usr/bin/promtool'), 0o755)
      // Two test files may fetch at once; renaming over each other's result is harmless.
      await rename(join(work, 'usr/bin/promtool'), cached)
    } finally {
      await rm(work, { recursive: true, force: true })
    }
  } catch (error) {
    return { ok: false, why: `promtool is not installed and apt cannot fetch it: ${firstLine(error)}` }
  }
  return (await works(cached)) ? { ok: true, path: cached } : { ok: false, why: 'the fetched promtool does not run' }
}

/** Runs `promtool check metrics` over an exposition. `output` is what it complains about; empty when it is content. */
export function checkMetrics(path: string, exposition: string): Promise<{ exitCode: number; output: string }> {
  return new Promise((done, fail) => {
    const child = spawn(path, ['check', 'metrics'], { stdio: ['pipe', 'pipe', 'pipe'] })
    let output = ''
    const keep = (chunk: Buffer) => {
      output += chunk.toString()
    }
    child.stdout.on('data', keep)
    child.stderr.on('data', keep)
    child.once('error', fail)
    child.once('close', (exitCode) => done({ exitCode: exitCode ?? -1, output }))
    child.stdin.end(exposition)
  })
}

async function fetchInto(work: string): Promise<void> {
  const options = { cwd: work, timeout: DOWNLOAD_LIMIT_MS }
  const download = ['-o', 'APT::Sandbox::User=root', 'download', 'prometheus']
  try {
    await run('apt-get', download, options)
  } catch {
    // No package lists on this system: fetch them into a folder of our own, which needs no privilege.
    const own = ['-o', `Dir::State::lists=${join(work, 'lists')}`, '-o', `Dir::Cache=${join(work, 'cache')}`]
    await mkdir(join(work, 'lists/partial'), { recursive: true })
    await mkdir(join(work, 'cache/archives/partial'), { recursive: true })
    await run('apt-get', [...own, 'update'], options)
    await run('apt-get', [...own, ...download], options)
  }
  const archive = (await readdir(work)).find((name) => name.endsWith('.deb'))
  if (!archive) throw new Error('apt-get downloaded nothing')
  await run('dpkg', ['-x', archive, '.'], options)
}

async function works(path: string): Promise<boolean> {
  try {
    if (path.includes('/')) await access(path)
    await run(path, ['--version'], { timeout: 10_000 })
    return true
  } catch {
    return false
  }
}

function firstLine(error: unknown): string {
  const { stderr, message } = error as { stderr?: string; message?: string }
  return (stderr || message || String(error)).trim().split('\n')[0] ?? ''
}
