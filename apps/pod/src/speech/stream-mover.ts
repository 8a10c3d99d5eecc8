// Moves streams that are better off elsewhere while their worker is still there: hands over what a draining worker holds, and takes away what a
// worker has left far behind. What counts as behind is decided in @parley/placement.
import { BEHIND_MS, eligible, IN_STEP_MS, isBetterElsewhere, restMs, type WorkerLags } from '@parley/placement'
import type { LinkSpeechStream } from './speech-stream.ts'
import type { LinkCandidate, StreamPlacer } from './stream-placer.ts'
import type { WorkerLink } from './worker-link.ts'

const LAG_CHECK_PERIOD_MS = 1_000

export interface MoveCounters {
  /** Streams taken from a worker that had left them behind. */
  movedBehindTotal: number
  /** Streams handed over by a worker that drains. */
  movedDrainingTotal: number
}

export class StreamMover {
  readonly #placer: StreamPlacer
  readonly #counters: MoveCounters
  #lagsReadAtMs = 0

  constructor(placer: StreamPlacer, counters: MoveCounters) {
    this.#placer = placer
    this.#counters = counters
  }

  /** Called a few times per second. */
  check(nowMs: number, links: Iterable<WorkerLink>, streams: Iterable<LinkSpeechStream>): void {
    for (const link of links) {
      if (!link.isUp || link.report.state !== 'draining' || link.streamCount === 0) continue
      this.#handOver(nowMs, link, streams)
    }
    if (nowMs - this.#lagsReadAtMs < LAG_CHECK_PERIOD_MS) return
    this.#lagsReadAtMs = nowMs
    this.#rescue(nowMs, streams)
  }

  /**
   * At an utterance boundary, to workers that can be trusted; once the time for draining is over, wherever they are and to any. Without room
   * elsewhere they stay.
   */
  #handOver(nowMs: number, link: WorkerLink, streams: Iterable<LinkSpeechStream>): void {
    const isLate = nowMs >= link.report.drainByMs
    for (const stream of streams) {
      if (stream.link !== link || !(isLate ? stream.isHeldByWorker : stream.isBetweenUtterances)) continue
      const target = this.#placer.pick(
        stream.wish,
        (other) => other !== link && (isLate || other.health.standing !== 'out'),
      )
      if (!target) continue
      this.#counters.movedDrainingTotal++
      stream.moveTo(target)
    }
  }

  /** One stream per worker and round: who takes them over must not be left behind by that. */
  #rescue(nowMs: number, streams: Iterable<LinkSpeechStream>): void {
    const lags = new Map<WorkerLink, number[]>()
    const late: LinkSpeechStream[] = []
    for (const stream of streams) {
      const { link, lagMs } = stream
      if (!link || lagMs === undefined) continue
      const known = lags.get(link)
      if (known) known.push(lagMs)
      else lags.set(link, [lagMs])
      if (lagMs >= BEHIND_MS) late.push(stream)
    }
    const relieved = new Set<WorkerLink>()
    for (const stream of late.sort((one, other) => (other.lagMs ?? 0) - (one.lagMs ?? 0))) {
      const { link } = stream
      if (!link || relieved.has(link) || nowMs - stream.movedBehindAtMs < restMs(stream.movesBehind)) continue
      if (this.#relieve(nowMs, stream, link, lags)) relieved.add(link)
    }
  }

  #relieve(
    nowMs: number,
    stream: LinkSpeechStream,
    link: WorkerLink,
    lags: ReadonlyMap<WorkerLink, WorkerLags>,
  ): boolean {
    const lagsOf = (other: WorkerLink): WorkerLags => lags.get(other) ?? []
    const others = eligible<LinkCandidate>(this.#placer.candidates(stream.wish)).filter((each) => each.link !== link)
    const isBetter = isBetterElsewhere(
      stream.lagMs ?? 0,
      lagsOf(link),
      others.map((other) => lagsOf(other.link)),
    )
    if (!isBetter) return false
    const target = this.#placer.pick(
      stream.wish,
      (other) => other !== link && lagsOf(other).every((lagMs) => lagMs < IN_STEP_MS),
    )
    if (!target) return false
    link.health.failed()
    this.#counters.movedBehindTotal++
    stream.movesBehind++
    stream.movedBehindAtMs = nowMs
    stream.moveTo(target)
    return true
  }
}
