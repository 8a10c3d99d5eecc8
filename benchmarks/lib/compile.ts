// Small C programs of the benchmarks, compiled where there is a compiler: none of the numbers that are held depends on them.
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'

export interface Compiled {
  readonly binary: string
  /** A folder of its own, gone with `remove`. */
  readonly folder: string
  remove(): void
}

/** Undefined without a C compiler. */
export function compileC(source: string): Compiled | undefined {
  const folder = mkdtempSync(path.join(tmpdir(), 'parley-bench-'))
  const binary = path.join(folder, 'program')
  const remove = () => rmSync(folder, { recursive: true, force: true })
  try {
    execFileSync('cc', ['-O2', '-o', binary, source], { stdio: 'ignore' })
    return { binary, folder, remove }
  } catch {
    remove()
    return undefined
  }
}
