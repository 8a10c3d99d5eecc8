// What is true of a link to a worker, per state.
import type { Scope } from '@parley/kernel'
import type { WebSocket } from 'ws'
import type { LinkSender } from './link-sender.ts'

export type LinkState =
  | { readonly kind: 'resting' }
  | { readonly kind: 'connecting'; readonly attempt: Scope }
  | {
      readonly kind: 'greeting'
      readonly attempt: Scope
      readonly socket: WebSocket
      readonly workerId: string
      readonly nonce: string
    }
  | { readonly kind: 'proven'; readonly attempt: Scope; readonly socket: WebSocket } // load not known yet
  | { readonly kind: 'up'; readonly attempt: Scope; readonly socket: WebSocket; readonly sender: LinkSender }
  | { readonly kind: 'closed' }
