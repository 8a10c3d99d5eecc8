// Keeps the state of this pod's sessions in the fleet's journal, so that another pod can go on with them: all that changed in one append, rarely
// enough that the journal stays cheap. What it cannot keep now it keeps, newer, with the next append; nothing waits for it.
import {
  type FencingToken,
  type Journal,
  type JournalEntry,
  MAX_APPEND_BYTES,
  MAX_JOURNAL_ENTRIES,
} from '@parley/fleet'
import type { Clock, Scope } from '@parley/kernel'
import type { SessionCheckpoint } from '@parley/protocol'
import type { Logger } from '@parley/telemetry'

/** A session as the journal sees it. */
export interface JournalledSession {
  readonly id: string
  /** Another whenever there is something worth keeping. */
  readonly stamp: string
  /** Undefined: there is nothing to go on with yet. */
  readonly checkpoint: SessionCheckpoint | undefined
}

export interface PodJournalOptions {
  readonly clock: Clock
  readonly journal: Journal
  readonly sessions: () => Iterable<JournalledSession>
  /** Undefined: the fleet does not know of the session yet. */
  readonly tokenOf: (sessionId: string) => FencingToken | undefined
  /** Somebody with a greater token may have the session. */
  readonly onFenced: (sessionId: string) => void
  /** How long a session waits for its client. */
  readonly graceMs: number
  readonly logger: Logger
}

export const APPEND_EVERY_MS = 250
/** However many sessions there are, no state is kept later than this. */
export const MAX_APPEND_EVERY_MS = 1_000
/** Reports and appends of a pod together cost two commands per session and minute at most where it has a hundred sessions. */
const MS_PER_SESSION = 6
/** A session of which nothing changes is kept anew so often: what is kept of it ends soon after its pod. */
export const REFRESH_MS = 30_000
/** From the loss of a pod until its sessions may be taken over, at most; and what clocks and appends may be late. */
const SLACK_MS = 15_000

interface Known {
  stamp: string
  token: FencingToken
  atMs: number
}

export const appendEveryMs = (sessions: number): number =>
  Math.min(MAX_APPEND_EVERY_MS, Math.max(APPEND_EVERY_MS, sessions * MS_PER_SESSION))

export class PodJournal {
  readonly #options: PodJournalOptions
  /** What is kept of each session, as of the last append that was answered. */
  readonly #known = new Map<string, Known>()
  #appendedAtMs = Number.NEGATIVE_INFINITY
  #appending: Promise<void> | undefined
  #isAway = false
  /** The last append had no room for all. */
  #isBehind = false
  /** Since the start. */
  readonly counts = { appends: 0, states: 0, failures: 0 }

  constructor(options: PodJournalOptions) {
    this.#options = options
  }

  /** From now on, until `scope` closes. */
  start(scope: Scope): void {
    scope.every(APPEND_EVERY_MS, () => this.#tick())
  }

  /** Another pod keeps it from now on: what is kept is not forgotten here. */
  let(sessionId: string): void {
    this.#known.delete(sessionId)
  }

  #tick(): void {
    const nowMs = this.#options.clock.nowMs()
    if (this.#appending || nowMs - this.#appendedAtMs < appendEveryMs(this.#known.size)) return
    const due = this.#due(nowMs)
    if (due.length === 0) return
    this.#appendedAtMs = nowMs
    this.#appending = this.#append(due, nowMs).finally(() => {
      this.#appending = undefined
    })
  }

  /** What is to be kept, within the bounds of one append; the rest is due the next time. */
  #due(nowMs: number): (JournalEntry & { readonly stamp: string })[] {
    const { sessions, tokenOf } = this.#options
    const due: (JournalEntry & { readonly stamp: string })[] = []
    const living = new Set<string>()
    let bytes = 0
    const all = [...sessions()]
    // Those for which there was no room come first now: however much changes all the time, everybody gets a turn.
    if (this.#isBehind) all.sort((a, b) => this.#keptAtMs(a.id) - this.#keptAtMs(b.id))
    this.#isBehind = false
    for (const session of all) {
      const { id: sessionId, stamp } = session
      living.add(sessionId)
      if (bytes >= MAX_APPEND_BYTES || due.length >= MAX_JOURNAL_ENTRIES) {
        this.#isBehind = true
        continue
      }
      const token = tokenOf(sessionId)
      const known = this.#known.get(sessionId)
      const isKept = known?.stamp === stamp && known.token === token && nowMs - known.atMs < REFRESH_MS
      if (!token || isKept) continue
      const { checkpoint } = session
      if (!checkpoint) continue
      const state = JSON.stringify(checkpoint)
      bytes += state.length
      due.push({ sessionId, token, state, stamp })
    }
    // What is over its owner has released, and with that what was kept of it.
    for (const sessionId of this.#known.keys()) if (!living.has(sessionId)) this.#known.delete(sessionId)
    return due
  }

  #keptAtMs(sessionId: string): number {
    return this.#known.get(sessionId)?.atMs ?? 0
  }

  async #append(due: readonly (JournalEntry & { readonly stamp: string })[], nowMs: number): Promise<void> {
    const { journal, graceMs, onFenced } = this.#options
    const answer = await journal.append(due, graceMs + REFRESH_MS + SLACK_MS)
    this.#note(answer.ok)
    if (!answer.ok) return
    this.counts.states += due.length
    const fenced = new Set(answer.value)
    for (const { sessionId, token, stamp } of due) {
      this.#known.set(sessionId, { stamp, token, atMs: nowMs })
      if (fenced.has(sessionId)) onFenced(sessionId)
    }
  }

  /** Said once, when it begins and when it is over. */
  #note(isKept: boolean): void {
    this.counts[isKept ? 'appends' : 'failures']++
    if (isKept !== this.#isAway) return
    this.#isAway = !isKept
    const { logger } = this.#options
    if (isKept) logger.info({}, 'the states of sessions are kept again')
    else logger.warn({}, 'the states of sessions are not kept: should this pod be lost now, they end with it')
  }
}
