// Where requests meet the records: those that are administrative acts, with who did what to what, and how it ended. Tables say which they are.
import { type Clock, newId } from '@parley/kernel'
import type { OperationId } from '@parley/protocol'
import type { StoredRecord } from '@parley/store'
import type { Principal } from '../identity/identity-port.ts'

/** A request as it was answered. */
export interface AnsweredRequest {
  readonly principal: Principal | undefined
  readonly params: Readonly<Record<string, string>>
  /** Checked, when the request was not refused before. */
  readonly body: unknown
  readonly status: number
}

/** The same on the admin listener. */
export interface AnsweredOrder {
  /** Template of the route. */
  readonly route: string
  /** Who says to have sent it; whoever reaches the listener is an operator. */
  readonly actor: string | undefined
  /** Whatever the address names, as it was resolved. */
  readonly target: string
  readonly status: number
}

interface Act {
  readonly action: string
  target(request: AnsweredRequest): string
}

/** Operations of the public listener that are acts. Opening and ending a session is in the record of the session. */
const OPERATION_ACTS: Partial<Record<OperationId, Act>> = {
  createUserToken: { action: 'user-token.issue', target: ({ body }) => (body as { user?: string } | null)?.user ?? '' },
  createWatchLink: { action: 'watch-link.issue', target: ({ params }) => params.sessionId ?? '' },
  revokeWatchLink: { action: 'watch-link.revoke', target: ({ params }) => params.linkId ?? '' },
}

const ORDER_ACTS: Readonly<Record<string, string>> = {
  '/fleet/members/:id/drain': 'member.drain',
  '/fleet/members/:id/undrain': 'member.undrain',
  '/fleet/members/:id/rate': 'member.rate',
  '/fleet/members/:id/restart': 'member.restart',
  '/admin/page-codes': 'page-code.mint',
  '/keys/:id/revoke': 'api-key.revoke',
}

/** Tenant of what concerns all of them. */
export const EVERYBODY = '*'
/** Of an order that names nobody. */
const SOME_OPERATOR = 'operator'
const MAX_TARGET_CHARS = 256

export class ActsToRecords {
  readonly #clock: Clock
  readonly #record: (record: StoredRecord) => void

  constructor(clock: Clock, record: (record: StoredRecord) => void) {
    this.#clock = clock
    this.#record = record
  }

  /** Of strangers nothing is noted: they are in the log, and would fill the records. */
  operation(id: OperationId, request: AnsweredRequest): void {
    const act = OPERATION_ACTS[id]
    const { principal, status } = request
    if (!act || !principal) return
    this.#note(principal.tenant, actorOf(principal), act.action, act.target(request), resultOf(status))
  }

  order({ route, actor, target, status }: AnsweredOrder): void {
    const action = ORDER_ACTS[route]
    if (action !== undefined) this.#note(EVERYBODY, actor ?? SOME_OPERATOR, action, target, resultOf(status))
  }

  /** What whoever started the platform was given. */
  supervised(action: string): void {
    this.#note(EVERYBODY, 'supervisor', action, '', 'ok')
  }

  /** What the configuration did, whoever wrote it. */
  configured(tenant: string, action: string, target: string): void {
    this.#note(tenant, 'configuration', action, target, 'ok')
  }

  #note(tenant: string, actor: string, action: string, target: string, result: string): void {
    const atMs = Math.max(0, Math.round(this.#clock.wallMs()))
    const row = {
      auditId: newId('aud'),
      atMs,
      tenant,
      actor,
      action,
      target: target.slice(0, MAX_TARGET_CHARS),
      result,
    }
    this.#record({ table: 'audit', row })
  }
}

/** A user is named by its own name, so that forgetting finds it; a key by its id. */
export const actorOf = ({ user, keyId, role }: Principal): string =>
  user ?? (keyId === undefined ? role : `key:${keyId}`)

const resultOf = (status: number): string => (status < 400 ? 'ok' : `refused (${status})`)
