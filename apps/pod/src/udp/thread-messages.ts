// What the main loop and the UDP thread say to each other. Frames and counters do not go this way: they are in shared memory.
import type { FrameShape } from './channel-table.ts'
import type { SharedRing } from './shared-ring.ts'

/** What the thread is born with. */
export interface ThreadData {
  readonly host: string
  /** Ports to try, in order; 0 = any. */
  readonly ports: readonly number[]
  readonly receiveBufferBytes: number
  readonly sourcePacketsPerSecond: number
  readonly ring: SharedRing
  readonly counters: Float64Array
  /** The thread sleeps on this word; a notify wakes it for a message. */
  readonly sleep: Int32Array
}

export type ToThread =
  | {
      readonly kind: 'open'
      /** The main loop's name for the channel; never used again in the life of the process. */
      readonly handle: number
      readonly channel: number
      /** Handed over, not copied: the thread wipes it. */
      readonly key: Uint8Array
      readonly frame: FrameShape
    }
  | { readonly kind: 'close'; readonly handle: number }
  | { readonly kind: 'stop' }

export type FromThread =
  | {
      readonly kind: 'listening'
      readonly host: string
      readonly port: number
      readonly receiveBufferBytes: number
      readonly isReceiveBufferGranted: boolean
    }
  | { readonly kind: 'failed'; readonly code: string; readonly message: string }
  | { readonly kind: 'opened'; readonly handle: number }
