// What is wrong with a plan, for people: place, sentence, nearest valid name, and the line itself with the spot marked.
import type { PlanProblem } from '@parley/planner'
import type { Style } from '../output/index.ts'

/** More than this at once is not read; the rest is counted. */
const MOST_SHOWN = 20
/** Of a line of the file that is shown; the spot is kept in view. */
const MOST_LINE_CHARACTERS = 100

/**
 * Lines about every problem, in the order of the file. `source` is the text of the plan; problems that are not of it
 * (`--set`, a verdict) come without the line. Tabs and control characters of the file are shown as spaces.
 */
export function problemLines(problems: readonly PlanProblem[], source: string, style: Style): string[] {
  const [first] = problems
  if (first === undefined) return []
  const lines = [headOf(first, problems.length)]
  const sourceLines = source.split('\n')
  for (const problem of problems.slice(0, MOST_SHOWN))
    lines.push(...oneProblem(problem, first.file, sourceLines, style))
  if (problems.length > MOST_SHOWN) lines.push(`  ... and ${problems.length - MOST_SHOWN} more`)
  return lines
}

/** Whether it is the file or what was set that has mistakes. */
function headOf({ code, file }: PlanProblem, count: number): string {
  if (code === 'BAD_SET') return '--set: a value cannot be set'
  return count === 1 ? `${file}: the plan has a mistake` : `${file}: the plan has ${count} mistakes`
}

function oneProblem(problem: PlanProblem, planFile: string, source: readonly string[], style: Style): string[] {
  const { code, file, line, column, message } = problem
  if (code === 'BAD_SET') return [`  ${shown(sentenceOf(problem))} ${style.dim(code)}`]
  const head = `  ${style.bold(`${file}:${line}:${column}`)} ${shown(sentenceOf(problem))} ${style.dim(code)}`
  const written = file === planFile ? source[line - 1] : undefined
  if (written === undefined || written.trim() === '' || message === '') return [head]
  const from = Math.max(0, Math.min(column - 1 - MOST_LINE_CHARACTERS / 2, written.length - MOST_LINE_CHARACTERS))
  const cut = shown(written.slice(from, from + MOST_LINE_CHARACTERS))
  const margin = String(line)
  const spot = ' '.repeat(Math.max(0, column - 1 - from))
  return [
    head,
    `    ${style.dim(`${margin} |`)} ${cut}`,
    `    ${style.dim(`${' '.repeat(margin.length)} |`)} ${spot}${style.red('^')}`,
  ]
}

/** The message, with the nearest valid name unless it says so itself. */
function sentenceOf({ message, path, nearest }: PlanProblem): string {
  const stop = /[.?!]$/.test(message) ? '' : '.'
  const place = path === '' || message.includes(path) ? '' : `${path}: `
  const hint = nearest === null || message.includes(nearest) ? '' : ` Did you mean ${nearest}?`
  return `${place}${message}${hint === '' ? '' : stop}${hint}`
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: the file may hold them, the terminal must not
const shown = (text: string): string => text.replace(/[\u0000-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/g, ' ')
