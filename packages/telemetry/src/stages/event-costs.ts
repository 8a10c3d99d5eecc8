// What the event loop does outside every handler, in microseconds per countable event: libuv, streams, system calls. Measured by
// `parley bench stages` on the reference machine (see docs/performance.md) and printed by it in this form; never edited by feel.
import type { SpanName } from './stages.ts'

export interface EventCosts {
  /** One turn of the loop: timers, microtasks, one or two calls of epoll. Shared by everything that is handled in the turn. */
  readonly turnUs: number
  /** One descriptor that epoll reported: a readable socket, a wakeup by another thread. */
  readonly polledUs: number
  /** One entry of a span, beyond its turn, its descriptor and its handler. */
  readonly perEventUs: Readonly<Partial<Record<SpanName, number>>>
  /** One item of a span: a frame of a drain. */
  readonly perItemUs: Readonly<Partial<Record<SpanName, number>>>
}

export const EVENT_COSTS: EventCosts = {
  turnUs: 6,
  polledUs: 4,
  perEventUs: { wsIn: 1, wsOut: 1, linkIn: 1, linkOut: 3, http: 150, timer: 2 },
  perItemUs: {},
}
