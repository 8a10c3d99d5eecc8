// The rating in a file that the lab has written.
import { readFile } from 'node:fs/promises'
import { compileCheck, type LabVerdict, LabVerdictSchema } from '@parley/protocol'
import { CliError, EXIT } from '../exit-codes.ts'

const MOST_SESSIONS = 100_000

/** Sessions that one pod is rated for. Throws a CliError that says what is wrong with the file. */
export async function readRating(file: string): Promise<number> {
  const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    throw new CliError(`--from: ${file} cannot be read (${error.code ?? error.message})`, EXIT.usage)
  })
  return ratingOf(text, file)
}

/** The same of its text. */
export function ratingOf(text: string, file: string): number {
  const refuse = (why: string): CliError => new CliError(`--from: ${file} ${why}`, EXIT.usage)
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    throw refuse('is no JSON')
  }
  const verdict = compileCheck<LabVerdict>(LabVerdictSchema)(value)
  if (!verdict.ok) throw refuse(`is no verdict of the lab: ${verdict.error.message}`)
  const { loadUnit, rated, name } = verdict.value
  if (loadUnit !== 'session') throw refuse(`counts load in ${loadUnit}s; a pod is rated in sessions`)
  if (rated === null) throw refuse(`(${name}) found no load that held: there is nothing to rate by`)
  const sessions = Math.floor(rated)
  if (sessions >= 1 && sessions <= MOST_SESSIONS) return sessions
  throw refuse(`rates ${rated} sessions; it must be 1 to ${MOST_SESSIONS}`)
}
