// The kinds of calls between pods: where each goes, what it carries and what is answered, checked at both ends. A pod of an older version answers NOT_FOUND to
// a call that it does not know; for who made it that pod cannot be reached by it. call-listener.ts serves a table of
// them, peer-calls.ts makes them; what a call does is in the file of whoever answers it.
import type { Result } from '@parley/kernel'
import {
  compileCheck,
  MAX_POD_ANSWER_BYTES,
  MAX_POD_CALL_BYTES,
  type ParleyError,
  POD_CALL_DEADLINE_MS,
  POD_OPEN_PATH,
  type PodOpenCall,
  PodOpenCallSchema,
  type SessionCreated,
  SessionCreatedSchema,
} from '@parley/protocol'

type Schema = Parameters<typeof compileCheck>[0]
type Reader<T> = (value: unknown) => Result<T, ParleyError>
const readerOf = <T>(from: Schema | Reader<T>): Reader<T> =>
  typeof from === 'function' ? (from as Reader<T>) : compileCheck<T>(from)

export interface PodCall<Asked, Answered> {
  /** Of the URL; never with a query. */
  readonly path: string
  /** HTTP status of an answer that is no refusal. */
  readonly status: number
  /** Body of the call, and of its answer. */
  readonly maxAskedBytes: number
  readonly maxAnsweredBytes: number
  /** Of the whole call, for who makes it. */
  readonly deadlineMs: number
  readonly checkAsked: (value: unknown) => Result<Asked, ParleyError>
  readonly checkAnswered: (value: unknown) => Result<Answered, ParleyError>
}

export interface PodCallSettings<Asked, Answered> {
  /** A schema, or what reads more than one version. */
  readonly asked: Schema | Reader<Asked>
  readonly answered: Schema | Reader<Answered>
  /** 200 unless told. */
  readonly status?: number
  /** MAX_POD_CALL_BYTES and MAX_POD_ANSWER_BYTES unless told. */
  readonly maxAskedBytes?: number
  readonly maxAnsweredBytes?: number
  /** POD_CALL_DEADLINE_MS unless told. */
  readonly deadlineMs?: number
}

export function podCall<Asked, Answered>(
  path: string,
  settings: PodCallSettings<Asked, Answered>,
): PodCall<Asked, Answered> {
  const { asked, answered, status = 200, deadlineMs = POD_CALL_DEADLINE_MS } = settings
  const { maxAskedBytes = MAX_POD_CALL_BYTES, maxAnsweredBytes = MAX_POD_ANSWER_BYTES } = settings
  const checks = { checkAsked: readerOf(asked), checkAnswered: readerOf(answered) }
  return { path, status, maxAskedBytes, maxAnsweredBytes, deadlineMs, ...checks }
}

/** One line of the table of calls that a pod answers. */
export interface CallHandler {
  readonly path: string
  readonly status: number
  readonly maxAskedBytes: number
  /** `body`: parsed, not checked. */
  answer(body: unknown): Promise<Result<unknown, ParleyError>>
}

export function answering<Asked, Answered>(
  call: PodCall<Asked, Answered>,
  answer: (asked: Asked) => Promise<Result<Answered, ParleyError>>,
): CallHandler {
  const { path, status, maxAskedBytes } = call
  return {
    path,
    status,
    maxAskedBytes,
    async answer(body) {
      const asked = call.checkAsked(body)
      return asked.ok ? answer(asked.value) : asked
    },
  }
}

/** Throws when two lines have one path. */
export function callTable(handlers: readonly CallHandler[]): ReadonlyMap<string, CallHandler> {
  const table = new Map(handlers.map((handler) => [handler.path, handler]))
  if (table.size < handlers.length) throw new Error('two calls between pods have the same path')
  return table
}

/** Open this session: a seat is reserved for it with you. */
export const OPEN_SESSION = podCall<PodOpenCall, SessionCreated>(POD_OPEN_PATH, {
  asked: PodOpenCallSchema,
  answered: SessionCreatedSchema,
  status: 201,
})
