// What a link asks of the streams it carries.
import type { WorkerToPod } from '@parley/protocol'
import type { AudioSource } from './link-sender.ts'
import type { Bereaved } from './worker-fate.ts'

export type StreamMessage = Extract<WorkerToPod, { readonly stream: number }>

export interface LinkedStream extends AudioSource, Bereaved {
  onMessage(message: StreamMessage): void
  /** `wasWanted`: by this pod, or by the worker, which said so. */
  onLinkLost(wasWanted: boolean): void
}
