// What else may be mounted on the worker's listener, beside links of pods: whoever mounts it is given the engines themselves and
// the worker's word on whether they may be used now.
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import type { Clock } from '@parley/kernel'
import type { WorkerRole } from '@parley/protocol'
import type { Recogniser, Synthesiser } from '@parley/speech'
import type { Logger } from '@parley/telemetry'

/** Why a stream of a role is not taken now. */
export interface RoleRefusal {
  readonly code: 'NO_SLOT' | 'SPEECH_UNAVAILABLE'
  readonly message: string
  readonly retryAfterMs?: number
}

/** The engines of this worker, for streams that do not come over a link. */
export interface LocalAccess {
  readonly clock: Clock
  readonly logger: Logger
  readonly workerId: string
  /** Undefined when this worker does not have the role. */
  readonly recogniser: Recogniser | undefined
  readonly synthesiser: Synthesiser | undefined
  /** To be asked before each stream: undefined when it may be opened, else what to answer. Slots are the engine's own affair. */
  refusal(role: WorkerRole): RoleRefusal | undefined
  /** To be called when a slot was taken or given back, so that pods learn of it at once. */
  onSlotsChanged(): void
}

/** What the health report says of them. */
export interface EndpointsReport {
  readonly connections: Readonly<Record<string, number>>
  readonly maxConnections: number
  readonly acceptedTotal: Readonly<Record<string, number>>
  /** By error code. */
  readonly refusedTotal: Readonly<Record<string, number>>
  /** Partials left out for clients that did not read. */
  readonly partialsSkippedTotal: number
  /** Bodies of requests that are held now. */
  readonly uploadBytes: number
}

export interface MountedEndpoints {
  /** WebSocket connections there are: `active_connections` of the health report. */
  readonly connections: number
  report?(): EndpointsReport
  /**
   * A WebSocket upgrade of a path that is not the link's; `path` has no query. False when it is not one of these endpoints: it is then
   * answered 404. Otherwise the socket is theirs, refusals included.
   */
  upgrade(path: string, request: IncomingMessage, socket: Duplex, head: Buffer): boolean
  /** A plain request; true when it has been or will be answered. Health and metrics are never asked for here. */
  request?(path: string, request: IncomingMessage, response: ServerResponse): boolean
  /** Ends every connection and stream; their slots are free when it resolves. Idempotent. */
  close(): Promise<void>
}

export type MountEndpoints = (access: LocalAccess) => MountedEndpoints
