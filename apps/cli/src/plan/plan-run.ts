// What `parley plan` and `parley plan check` do: read, compute, show. The planner is loaded here and not before.
import { writeFile } from 'node:fs/promises'
import path from 'node:path'
import process from 'node:process'
import type { Readable } from 'node:stream'
import type { Plan, PlanProblem } from '@parley/planner'
import type { TerminalOptions } from '@parley/planner/render'
import type { CliContext } from '../context.ts'
import { CliError, EXIT } from '../exit-codes.ts'
import { type PlanSource, readPlanSource } from './plan-source.ts'
import { problemLines } from './problems.ts'

export interface SharedFlags {
  readonly json?: boolean
  readonly markdown?: boolean
  readonly html?: string
  readonly set?: readonly string[]
}

export interface PlanFlags extends SharedFlags {
  readonly why?: readonly string[]
}

export interface Io {
  readonly context: CliContext
  readonly stdin: Readable
  /** Of the terminal; undefined where standard output is none. */
  readonly columns: number | undefined
}

/** A plan that cannot be read; with --json the problems are the result, and the sentences go to standard error as always. */
class PlanMistakes extends Error {
  readonly problems: readonly PlanProblem[]
  readonly source: string

  constructor(problems: readonly PlanProblem[], source: string) {
    super('the plan has mistakes')
    this.problems = problems
    this.source = source
  }
}

/** Answers the plan in the form that the flags ask for. Resolves with the exit code. */
export async function runPlan(io: Io, file: string, flags: PlanFlags): Promise<number> {
  return await saying(io, flags, async () => {
    const { plan } = await planOf(io, file, flags.set ?? [])
    if (flags.why !== undefined) return await showWhy(io, plan, flags.why, flags)
    const { checkPlan, evaluatePlan } = await import('@parley/planner')
    const result = evaluatePlan(plan)
    if (flags.json) {
      io.context.output.json(result)
      return EXIT.ok
    }
    const claims = plan.file.claims?.length ?? 0
    const isDocument = flags.markdown === true || flags.html !== undefined
    const { planReport } = await import('@parley/planner/render')
    const report = planReport(result, {
      ...(plan.file.note === undefined ? {} : { note: plan.file.note }),
      ...(isDocument && claims > 0 ? { check: checkPlan(plan) } : {}),
    })
    await showReport(io, file, flags, report)
    if (!isDocument && claims > 0 && io.columns !== undefined) {
      const counted = claims === 1 ? '1 claim' : `${claims} claims`
      io.context.output.note(`${counted}: ./parley plan check ${file} tells what holds`)
    }
    return EXIT.ok
  })
}

/** Checks the claims of the plan. Resolves with the exit code: 1 when one is wrong. */
export async function runPlanCheck(io: Io, file: string, flags: SharedFlags): Promise<number> {
  return await saying(io, flags, async () => {
    const { plan } = await planOf(io, file, flags.set ?? [])
    const { checkPlan } = await import('@parley/planner')
    const check = checkPlan(plan)
    if (flags.json) io.context.output.json(check)
    else {
      const { checkReport } = await import('@parley/planner/render')
      await showReport(io, file, flags, checkReport(check))
    }
    return check.wrong > 0 ? EXIT.failed : EXIT.ok
  })
}

async function planOf(io: Io, file: string, set: readonly string[]): Promise<{ plan: Plan; source: PlanSource }> {
  const { parsePlan, setOfArgument, withSet } = await import('@parley/planner')
  const source = await readPlanSource(file, io.context.cwd, io.stdin)
  const parsed = parsePlan(source.text, { path: source.name, readVerdict: (verdict) => source.readVerdict(verdict) })
  if (!parsed.ok) throw new PlanMistakes(parsed.error, source.text)
  const values = set.map((argument) => setOfArgument(argument))
  const wrong = values.flatMap((value) => (value.ok ? [] : [value.error]))
  if (wrong.length > 0) throw new PlanMistakes(wrong, source.text)
  const changed = withSet(
    parsed.value,
    values.flatMap((value) => (value.ok ? [value.value] : [])),
  )
  if (!changed.ok) throw new PlanMistakes(changed.error, source.text)
  return { plan: changed.value, source }
}

/** Runs `work`; mistakes of the plan are said and end with exit code 2. */
async function saying(io: Io, { json }: SharedFlags, work: () => Promise<number>): Promise<number> {
  const { output } = io.context
  try {
    return await work()
  } catch (error) {
    if (!(error instanceof PlanMistakes)) throw error
    if (json) output.json({ format: 'parley.plan-problems/1', problems: error.problems })
    output.fail(problemLines(error.problems, error.source, output.err).join('\n'))
    return EXIT.usage
  }
}

async function showWhy(io: Io, plan: Plan, names: readonly string[], flags: SharedFlags): Promise<number> {
  const { output } = io.context
  const { explain } = await import('@parley/planner')
  const { whyLines, whyMarkdown, whyTerminalLines } = await import('@parley/planner/render')
  for (const [index, name] of names.entries()) {
    const why = explain(plan, name)
    if (!why.ok) {
      const { message, nearest } = why.error
      const hint = nearest === null || message.includes(nearest) ? '' : `; did you mean ${nearest}?`
      throw new CliError(`--why ${name}: ${message}${hint}`, EXIT.usage)
    }
    if (flags.json) output.json(why.value)
    else {
      if (index > 0) output.line()
      const lines = whyLines(why.value)
      if (flags.markdown) output.line(whyMarkdown(lines).trimEnd())
      else for (const line of whyTerminalLines(lines, terminalOf(io))) output.line(line)
    }
  }
  return EXIT.ok
}

type Report = Parameters<typeof import('@parley/planner/render').htmlOf>[0]

async function showReport(io: Io, planFile: string, flags: SharedFlags, report: Report): Promise<void> {
  const { output } = io.context
  const { htmlOf, markdownOf, terminalLines } = await import('@parley/planner/render')
  if (flags.markdown) output.line(markdownOf(report).trimEnd())
  else if (flags.html !== undefined) await writeHtml(io, planFile, flags.html, htmlOf(report))
  else for (const line of terminalLines(report, terminalOf(io))) output.line(line)
}

const terminalOf = ({ columns, context }: Io): TerminalOptions => ({
  columns: columns ?? Number.POSITIVE_INFINITY,
  paint: context.output.out,
})

async function writeHtml({ context }: Io, planFile: string, target: string, html: string): Promise<void> {
  const { output, cwd } = context
  if (target === '-') {
    output.line(html.trimEnd())
    return
  }
  const file = path.resolve(cwd, target)
  if (file === path.resolve(cwd, planFile)) {
    throw new CliError(`--html ${target} is the plan itself; name another file`, EXIT.usage)
  }
  await writeFile(file, html).catch((error: NodeJS.ErrnoException) => {
    throw new CliError(`--html ${target} cannot be written (${error.code ?? error.message})`, EXIT.permission)
  })
  output.note(`written: ${target}`)
}

/** The terminal's width, for `Io`. */
export const columnsOf = (context: CliContext): number | undefined =>
  context.output.isTerminal ? (process.stdout.columns ?? 80) : undefined
