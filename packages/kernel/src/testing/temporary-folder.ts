import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'

/** A folder that goes with the process. What a test has running in it has ended by then, in whatever order and however the test ended. */
export function temporaryFolder(name: string): string {
  const folder = mkdtempSync(path.join(tmpdir(), `parley-${name}-`))
  process.once('exit', () => {
    try {
      rmSync(folder, { recursive: true, force: true, maxRetries: 3 })
    } catch {
      // A program that outlives the tests writes in it: the folder stays, the result of the tests too.
    }
  })
  return folder
}
