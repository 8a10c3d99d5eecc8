// The thread that harper runs in: it takes 0.2 GB and seconds to load, and holds its thread while it looks at a text. A question in, what it
// found out.
import { parentPort } from 'node:worker_threads'
import { Dialect, type Lint, LocalLinter, SuggestionKind } from 'harper.js'
import { slimBinary } from 'harper.js/slimBinary'
import { ALLOWED_RULES, type FoundLint } from './chosen-changes.ts'
import type { HarperAnswer, HarperQuestion } from './harper-runner.ts'

const loading = load()

async function load(): Promise<LocalLinter> {
  const linter = new LocalLinter({ binary: slimBinary, dialect: Dialect.American })
  await linter.setup()
  const rules = Object.keys(await linter.getDefaultLintConfig())
  const missing = ALLOWED_RULES.filter((rule) => !rules.includes(rule))
  if (missing.length > 0) throw new Error(`harper has no rule ${missing.join(', ')}`)
  await linter.setLintConfig(Object.fromEntries(rules.map((rule) => [rule, ALLOWED_RULES.includes(rule)])))
  return linter
}

async function look(text: string): Promise<FoundLint[]> {
  const linter = await loading
  const byRule = await linter.organizedLints(text, { language: 'plaintext' })
  return Object.entries(byRule).flatMap(([rule, lints]) => lints.map((lint) => taken(rule, lint)))
}

/** As a plain value; what harper holds for it in its own memory is given back. */
function taken(rule: string, lint: Lint): FoundLint {
  const span = lint.span()
  const suggestions = lint.suggestions()
  const first = suggestions[0]
  const replacement = first?.kind() === SuggestionKind.Replace ? first.get_replacement_text() : undefined
  const found = { rule, start: span.start, end: span.end, replacement }
  for (const held of [span, ...suggestions, lint]) held.free()
  return found
}

parentPort?.on('message', async ({ id, text }: HarperQuestion) => {
  // A failure of one text is a failure of the engine: whoever holds this thread starts another.
  const answer: HarperAnswer = { id, found: await look(text) }
  parentPort?.postMessage(answer)
})
