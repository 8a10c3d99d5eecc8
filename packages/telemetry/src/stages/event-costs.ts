// What the event loop does outside every handler, in microseconds per countable event: libuv, streams, system calls. Measured by
// `parley bench stages` on the reference machine (see docs/performance.md) and printed by it in this form; never edited by feel.
import type { SpanName } from './stages.ts'

export interface EventCosts {
  /**
   * Falling asleep and being woken, with the caches as cold as a long sleep leaves them. The dearest event of a lightly loaded loop, and
   * the reason why cost per event falls with load: a busy loop sleeps less often and less deeply.
   */
  readonly wakeUs: number
  /** Sleep after which the caches are cold for 63 %. */
  readonly coolMs: number
  /** One turn of the loop: timers, microtasks, one or two calls of epoll. Wakes and turns are shared by what is handled in them. */
  readonly turnUs: number
  /** One descriptor that epoll reported: a readable socket, a wakeup by another thread. Several messages may come by one. */
  readonly polledUs: number
  /** One entry of a span, beyond its wake, its turn, its descriptor and its handler. */
  readonly perEventUs: Readonly<Partial<Record<SpanName, number>>>
  /** One item of a span: a frame of a drain, a KiB sent to a worker. */
  readonly perItemUs: Readonly<Partial<Record<SpanName, number>>>
}

/** Of the loop's active time. */
export const EVENT_COSTS: EventCosts = {
  wakeUs: 40.31,
  coolMs: 1,
  turnUs: 0,
  polledUs: 8.63,
  perEventUs: { wsOut: 2.65 },
  perItemUs: {},
}
