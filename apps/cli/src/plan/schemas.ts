// The JSON Schemas of plan files and answers, as `parley plan schema` prints them and docs/schemas publishes them.
import { CheckResultSchema, PLAN_PROBLEM_CODES, PlanFileSchema, PlanResultSchema } from '@parley/planner'
import { CliError, EXIT } from '../exit-codes.ts'

const DRAFT = 'https://json-schema.org/draft/2020-12/schema'

const string = { type: 'string' } as const
const place = { type: 'integer', minimum: 1 } as const

/** What `--json` prints for a plan with mistakes. */
const ProblemsSchema = {
  $id: 'PlanProblems',
  type: 'object',
  required: ['format', 'problems'],
  properties: {
    format: { const: 'parley.plan-problems/1' },
    problems: {
      type: 'array',
      items: {
        type: 'object',
        required: ['code', 'file', 'line', 'column', 'path', 'message', 'nearest'],
        properties: {
          code: { enum: [...PLAN_PROBLEM_CODES] },
          file: string,
          line: place,
          column: place,
          path: { ...string, description: '`tiers.app.machine`' },
          message: string,
          nearest: {
            type: ['string', 'null'],
            description: 'The valid key, name or unit nearest to what was written.',
          },
        },
      },
    },
  },
} as const

const SCHEMAS: Readonly<Record<string, object>> = {
  plan: PlanFileSchema,
  result: PlanResultSchema,
  check: CheckResultSchema,
  problems: ProblemsSchema,
}

/** Names that `schemaText` knows. */
export const SCHEMA_NAMES = Object.keys(SCHEMAS)

/** A schema as indented JSON. Names of definitions lose their `$id`: they are reached by their place. Throws a CliError for an unknown name. */
export function schemaText(name: string): string {
  const schema = SCHEMAS[name]
  if (schema === undefined) {
    throw new CliError(`there is no schema of ${name}; there are ${SCHEMA_NAMES.join(', ')}`, EXIT.usage)
  }
  const plain = JSON.parse(JSON.stringify(schema)) as Record<string, unknown>
  const { $defs } = plain as { $defs?: Record<string, { $id?: string }> }
  for (const definition of Object.values($defs ?? {})) delete definition.$id
  return JSON.stringify({ $schema: DRAFT, ...plain }, null, 2)
}
