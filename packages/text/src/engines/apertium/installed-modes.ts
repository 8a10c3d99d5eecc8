// Looks at what Apertium has installed on this machine. Changes nothing.
import { constants } from 'node:fs'
import { access, readdir, readFile, stat } from 'node:fs/promises'
import path from 'node:path'
import { filesOf, type Mode, parseModeFile, tagsOfMode } from './mode-files.ts'

export const APERTIUM_MODES_FOLDER = '/usr/share/apertium/modes'
/** Where the programs are looked for, whatever the PATH of this process is. */
const PROGRAM_FOLDERS = ['/usr/local/bin', '/usr/bin', '/bin']
const MODE_ENDING = '.mode'

const isThere = (file: string, mode = constants.R_OK): Promise<boolean> =>
  access(file, mode).then(
    () => true,
    () => false,
  )

/** Every mode that can be run: its programs and files are there. An empty list where there is no Apertium. */
export async function installedModes(folder: string): Promise<Mode[]> {
  const names = await readdir(folder).catch(() => [])
  const known = new Map<string, Promise<boolean>>()
  const hasProgram = (program: string) => {
    const found = known.get(program) ?? findProgram(program)
    known.set(program, found)
    return found
  }
  const modes = await Promise.all(names.map((name) => readMode(folder, name, hasProgram)))
  return modes.filter((mode) => mode !== undefined)
}

/** Changes when a pair is installed or removed; 0 where there is no such folder. */
export async function modesChangedAtMs(folder: string): Promise<number> {
  const stats = await stat(folder).catch(() => undefined)
  return stats?.mtimeMs ?? 0
}

async function readMode(
  folder: string,
  fileName: string,
  hasProgram: (program: string) => Promise<boolean>,
): Promise<Mode | undefined> {
  if (!fileName.endsWith(MODE_ENDING)) return undefined
  const name = fileName.slice(0, -MODE_ENDING.length)
  const tags = tagsOfMode(name)
  if (!tags) return undefined
  const stages = parseModeFile(await readFile(path.join(folder, fileName), 'utf8').catch(() => ''))
  if (!stages) return undefined
  const needed = [...stages.map(({ program }) => hasProgram(program)), ...filesOf(stages).map((file) => isThere(file))]
  return (await Promise.all(needed)).every(Boolean) ? { name, ...tags, stages } : undefined
}

async function findProgram(program: string): Promise<boolean> {
  const found = await Promise.all(PROGRAM_FOLDERS.map((folder) => isThere(path.join(folder, program), constants.X_OK)))
  return found.includes(true)
}
