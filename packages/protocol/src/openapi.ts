// docs/openapi.json: the operations table as OpenAPI 3.1. TypeBox schemas are JSON Schema already, so this only arranges.
import type { TSchema } from 'typebox'
import { AudioFormatSchema } from './audio-format.ts'
import { ERRORS, type ErrorCode } from './error-codes.ts'
import { OPERATIONS, type Operation, ProblemSchema } from './http-api.ts'
import { SPEECH_OPERATIONS, type SpeechOperation } from './speech-http-api.ts'

type Json = Record<string, unknown>

/** Schemas with a `$id` become components; a use of one becomes a reference. */
function collect(schema: TSchema, components: Json): Json {
  const { $id: id, ...rest } = schema as TSchema & { $id?: string }
  if (id === undefined) return rest as Json
  components[id] = rest
  return { $ref: `#/components/schemas/${id}` }
}

const SECURITY: Record<Operation['credential'], Json[]> = {
  none: [],
  'key-backend': [{ bearer: [] }],
  any: [{ bearer: [] }, { page: [] }],
  page: [{ page: [] }],
}

function responsesOf(operation: Operation, components: Json): Json {
  const responses: Json = {}
  for (const [status, { description, schema }] of Object.entries(operation.responses)) {
    responses[status] = schema
      ? { description, content: { 'application/json': { schema: collect(schema, components) } } }
      : { description }
  }
  for (const [status, description] of refusalsOf(operation.errors)) {
    responses[status] ??= {
      description,
      content: { 'application/problem+json': { schema: collect(ProblemSchema, components) } },
    }
  }
  return responses
}

/** Status and what it may mean, in order. */
function refusalsOf(errors: readonly ErrorCode[]): [status: number, description: string][] {
  const byStatus = [...Map.groupBy(errors, (code) => ERRORS[code].httpStatus)].sort(([a], [b]) => a - b)
  return byStatus.map(([status, codes]) => [status, codes.map((code) => `${code}: ${ERRORS[code].title}`).join(' ')])
}

function queryParameters({ query }: { readonly query?: TSchema }): Json[] {
  const { properties = {}, required = [] } = (query ?? {}) as { properties?: Record<string, Json>; required?: string[] }
  return Object.entries(properties).map(([name, { description, ...schema }]) => ({
    name,
    in: 'query',
    required: required.includes(name),
    ...(description === undefined ? {} : { description }),
    schema,
  }))
}

function operationObject(operation: Operation, components: Json): Json {
  const names = [...operation.path.matchAll(/\{(\w+)\}/g)].map((match) => match[1] as string)
  const inPath = names.map((name) => ({ name, in: 'path', required: true, schema: { type: 'string' } }))
  const parameters = [...inPath, ...queryParameters(operation)]
  return {
    operationId: operation.id,
    summary: operation.summary,
    ...(parameters.length > 0 && { parameters }),
    ...(operation.body && {
      requestBody: {
        required: false,
        content: { 'application/json': { schema: collect(operation.body, components) } },
      },
    }),
    responses: responsesOf(operation, components),
    security: SECURITY[operation.credential],
  }
}

function speechOperationObject(operation: SpeechOperation, components: Json): Json {
  const contentOf = (bodies: Readonly<Record<string, TSchema>>): Json =>
    Object.fromEntries(Object.entries(bodies).map(([type, schema]) => [type, { schema: collect(schema, components) }]))
  const parameters = queryParameters(operation)
  const responses: Json = { 200: { description: 'Done', content: contentOf(operation.response) } }
  for (const [status, description] of refusalsOf(operation.errors)) {
    responses[status] = { description, content: contentOf({ 'application/json': operation.problem }) }
  }
  return {
    operationId: operation.id,
    summary: operation.summary,
    ...(parameters.length > 0 && { parameters }),
    requestBody: { required: true, content: contentOf(operation.request) },
    responses,
    security: SECURITY.any,
  }
}

/** The whole document; deterministic, so that a test can compare it with the file. */
export function openApiDocument(version: string): Json {
  const schemas: Json = {}
  collect(AudioFormatSchema, schemas)
  const paths: Record<string, Json> = {}
  for (const operation of Object.values(OPERATIONS) as Operation[]) {
    const path = paths[operation.path] ?? {}
    path[operation.method.toLowerCase()] = operationObject(operation, schemas)
    paths[operation.path] = path
  }
  for (const operation of SPEECH_OPERATIONS) {
    paths[operation.path] = { ...paths[operation.path], post: speechOperationObject(operation, schemas) }
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'Parley',
      version,
      summary: 'Sessions of live speech.',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    servers: [
      { url: '/', description: 'The pod you reached; the address in a session answer is the pod that holds it.' },
    ],
    paths,
    components: {
      schemas,
      securitySchemes: {
        bearer: { type: 'http', scheme: 'bearer', description: 'API key or user token' },
        page: {
          type: 'apiKey',
          in: 'cookie',
          name: 'parley_page',
          description: 'Page session (__Host-parley_page over TLS)',
        },
      },
    },
  }
}
