// Documents that are generated from the code, so that they cannot drift. Each is compared with its file by the gate and
// written by `parley check --write`.
import { readFile, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { configMarkdown } from '@parley/config'
import { systemClock } from '@parley/kernel'
import { asyncApiDocument, CLOSE_REASONS, ERRORS, openApiDocument } from '@parley/protocol'
import { METRICS, type MetricEntry } from '@parley/telemetry'
import { processOutput } from '../output/index.ts'
import { schemaText } from '../plan/schemas.ts'
import { createProgram } from '../program.ts'

export interface GeneratedDoc {
  /** Path from the root of the project. */
  readonly file: string
  generate(): Promise<string> | string
}

const json = (value: unknown) => `${JSON.stringify(value, null, 2)}\n`
const cell = (text: string) => text.replaceAll('|', '\\|').replaceAll('\n', ' ')

export function errorsMarkdown(): string {
  const rows = Object.entries(ERRORS).map(
    ([code, entry]) =>
      `| \`${code}\` | ${entry.hop} | ${entry.httpStatus} | ${entry.retryable ? 'yes' : 'no'} | ${cell(entry.title)} | ${cell(entry.fix)} |`,
  )
  const closes = Object.entries(CLOSE_REASONS).map(
    ([reason, entry]) =>
      `| \`${reason}\` | ${entry.closeCode} | ${entry.isFailure ? 'yes' : 'no'} | ${entry.mayResume ? 'yes' : 'no'} | ${cell(entry.meaning)} |`,
  )
  return [
    '# Errors and closes',
    '',
    'Generated from `packages/protocol/src/error-codes.ts` and `close-codes.ts` by `./parley check --write`.',
    '',
    'Errors answer an HTTP request as `application/problem+json`, or come as an `error` message on the WebSocket; the',
    'connection goes on unless a `closing` message follows. Codes are stable: a retired one is never used again.',
    '',
    '## Error codes',
    '',
    '| code | hop | HTTP | retryable | meaning | what to do |',
    '| --- | --- | --- | --- | --- | --- |',
    ...rows,
    '',
    '## Close reasons',
    '',
    '| reason | WebSocket code | failure | may resume | meaning |',
    '| --- | --- | --- | --- | --- |',
    ...closes,
    '',
  ].join('\n')
}

export function metricsMarkdown(): string {
  const rows = Object.entries(METRICS as Readonly<Record<string, MetricEntry>>).map(
    ([name, entry]) =>
      `| \`${name}\` | ${entry.type} | ${entry.labels.map((label) => `\`${label}\``).join(', ')} | ${cell(entry.meaning)} |`,
  )
  return [
    '# Metrics',
    '',
    'Generated from `packages/telemetry/src/metric-names.ts` by `./parley check --write`.',
    '',
    'Prometheus text at `/metrics` of the admin listener (a unix socket unless `admin.port` is set). No label ever names a',
    'session, a user or an address.',
    '',
    '| name | type | labels | meaning |',
    '| --- | --- | --- | --- |',
    ...rows,
    '',
  ].join('\n')
}

/** The help of every command at a fixed width: what a person sees, so what they can look up. */
export async function cliMarkdown(): Promise<string> {
  const context = { env: {}, cwd: '/', homeDir: '/home/you', clock: systemClock, output: processOutput({}) }
  const program = await createProgram(context)
  const parts = ['# Command line', '', 'Generated from the commands themselves by `./parley check --write`.', '']
  for (const command of [program, ...program.commands]) {
    const name = command === program ? './parley' : `./parley ${command.name()}`
    command.configureHelp({ helpWidth: 110 })
    parts.push(`## ${name}`, '', '```', command.helpInformation().trimEnd(), '```', '')
    for (const child of command === program ? [] : command.commands) {
      child.configureHelp({ helpWidth: 110 })
      parts.push(`### ${name} ${child.name()}`, '', '```', child.helpInformation().trimEnd(), '```', '')
    }
  }
  return parts.join('\n')
}

async function version(root: string): Promise<string> {
  return (JSON.parse(await readFile(path.join(root, 'package.json'), 'utf8')) as { version: string }).version
}

/** Schemas that `parley plan schema` prints, and the files they are published in. */
const PLAN_SCHEMAS = [
  ['plan', 'plan'],
  ['result', 'plan-result'],
  ['check', 'plan-check'],
  ['problems', 'plan-problems'],
] as const

export function generatedDocs(root: string): GeneratedDoc[] {
  return [
    { file: 'docs/errors.md', generate: errorsMarkdown },
    { file: 'docs/metrics.md', generate: metricsMarkdown },
    { file: 'docs/configuration.md', generate: configMarkdown },
    { file: 'docs/cli.md', generate: cliMarkdown },
    { file: 'docs/openapi.json', generate: async () => json(openApiDocument(await version(root))) },
    ...PLAN_SCHEMAS.map(([name, file]) => ({
      file: `docs/schemas/${file}.json`,
      generate: () => `${schemaText(name)}\n`,
    })),
    { file: 'docs/asyncapi.json', generate: async () => json(asyncApiDocument(await version(root))) },
  ]
}

/** Files whose content differs from what the code says; with `write` they are brought up to date first. */
export async function staleDocs(root: string, write: boolean): Promise<string[]> {
  const stale: string[] = []
  for (const doc of generatedDocs(root)) {
    const wanted = await doc.generate()
    const file = path.join(root, doc.file)
    const current = await readFile(file, 'utf8').catch(() => '')
    if (current === wanted) continue
    if (write) await writeFile(file, wanted)
    else stale.push(doc.file)
  }
  return stale
}
