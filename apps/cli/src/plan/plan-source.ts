// Where a plan comes from: a file or standard input, and the lab verdicts beside it. The only reading that `parley plan` does.
import { readFileSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import path from 'node:path'
import type { Readable } from 'node:stream'
import { err, ok, type Result } from '@parley/kernel'
import { CliError, EXIT } from '../exit-codes.ts'

/** Plans are written by hand; a file beyond this is something else. */
export const MOST_PLAN_BYTES = 4 << 20
/** A verdict with all its points. */
const MOST_VERDICT_BYTES = 16 << 20

export interface PlanSource {
  /** As problems name it. */
  readonly name: string
  readonly text: string
  /** Reads a verdict by its path in the plan, which is from the folder of the plan. */
  readVerdict(file: string): Result<string, string>
}

/** Reads `file` (`-`: standard input). A CliError says what keeps it from being read. */
export async function readPlanSource(file: string, cwd: string, stdin: Readable): Promise<PlanSource> {
  const isStdin = file === '-'
  const absolute = path.resolve(cwd, file)
  const text = isStdin ? await textOf(stdin) : await textOfFile(file, absolute)
  const folder = isStdin ? cwd : path.dirname(absolute)
  return {
    name: isStdin ? 'standard input' : file,
    text,
    readVerdict(verdict) {
      try {
        const bytes = readFileSync(path.resolve(folder, verdict))
        if (bytes.length > MOST_VERDICT_BYTES) return err(`it has ${bytes.length} bytes, more than a verdict can have`)
        return ok(bytes.toString('utf8'))
      } catch (error) {
        return err(reasonOf(error as NodeJS.ErrnoException))
      }
    },
  }
}

async function textOfFile(file: string, absolute: string): Promise<string> {
  const bytes = await readFile(absolute).catch((error: NodeJS.ErrnoException) => {
    const code = error.code === 'EACCES' || error.code === 'EPERM' ? EXIT.permission : EXIT.usage
    throw new CliError(`${file}: ${reasonOf(error)}`, code)
  })
  if (bytes.length > MOST_PLAN_BYTES) throw tooLarge(file)
  return bytes.toString('utf8')
}

async function textOf(stdin: Readable): Promise<string> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of stdin) {
    const bytes = Buffer.from(chunk as Uint8Array | string)
    size += bytes.length
    if (size > MOST_PLAN_BYTES) throw tooLarge('standard input')
    chunks.push(bytes)
  }
  return Buffer.concat(chunks).toString('utf8')
}

const tooLarge = (name: string): CliError =>
  new CliError(`${name} is larger than ${MOST_PLAN_BYTES >> 20} MiB: that is no plan`, EXIT.usage)

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file',
  EISDIR: 'it is a folder; name the plan in it',
  EACCES: 'it may not be read by this user',
  EPERM: 'it may not be read by this user',
}

const reasonOf = (error: NodeJS.ErrnoException): string => REASONS[error.code ?? ''] ?? error.message
