// Where sessions meet the records: that they began and ended, their finals, and the audio they were heard for. What is kept of it, and whether
// texts are, is the records' affair.
import type { Clock } from '@parley/kernel'
import type { CloseReason } from '@parley/protocol'
import type { SaidFinal, SessionWitness, WitnessedSession } from '@parley/sessions'
import type { SessionRecord, StoredRecord, UsageMeter } from '@parley/store'

export interface SessionsToRecordsOptions {
  readonly clock: Pick<Clock, 'wallMs'>
  readonly podId: string
  readonly meter: Pick<UsageMeter, 'add'>
  /** The token a session is held with: what an owner before writes later than a newer one counts for nothing. */
  readonly fenceOf?:
    | ((sessionId: string) => { readonly epoch: number; readonly counter: number } | undefined)
    | undefined
  /** Never waits, never throws. */
  readonly record: (record: StoredRecord) => void
}

/** Of a session that the fleet was not asked for: any token is greater. */
const NO_FENCE = { epoch: 0, counter: 0 } as const

export class SessionsToRecords implements SessionWitness {
  readonly #options: SessionsToRecordsOptions
  /** Audio of each open session that is counted already, ms. */
  readonly #countedMs = new Map<WitnessedSession, number>()

  constructor(options: SessionsToRecordsOptions) {
    this.#options = options
  }

  opened(session: WitnessedSession): void {
    // What another pod heard of it before, that pod has counted.
    this.#countedMs.set(session, session.audioMs)
    this.#record(session, null, null)
  }

  said({ identity: { id, tenant, user } }: WitnessedSession, final: SaidFinal): void {
    const { kind, epoch, index, revision, language, text, startMs, endMs } = final
    this.#options.record({
      table: 'finals',
      row: {
        sessionId: id,
        utteranceEpoch: epoch,
        utteranceIndex: index,
        revision,
        kind,
        language,
        tenant,
        userId: user,
        text,
        startMs: wholeMs(startMs),
        endMs: wholeMs(endMs),
        recordedAtMs: wholeMs(this.#options.clock.wallMs()),
      },
    })
  }

  closed(session: WitnessedSession, reason: CloseReason): void {
    this.#count(session)
    this.#countedMs.delete(session)
    // It goes on at another pod, which writes its record from now on.
    if (reason === 'moved') return
    this.#record(session, wholeMs(this.#options.clock.wallMs()), reason)
  }

  /** Sessions that are open now. */
  *open(): IterableIterator<WitnessedSession> {
    yield* this.#countedMs.keys()
  }

  /** Gives the meter what was heard since the last call, of all open sessions. */
  measure(): void {
    for (const session of this.#countedMs.keys()) this.#count(session)
  }

  #count(session: WitnessedSession): void {
    const countedMs = this.#countedMs.get(session)
    const { audioMs, identity } = session
    if (countedMs === undefined || audioMs <= countedMs) return
    this.#countedMs.set(session, audioMs)
    this.#options.meter.add(identity.tenant, { speechMs: audioMs - countedMs }, this.#options.clock.wallMs())
  }

  #record(session: WitnessedSession, endedAtMs: number | null, endReason: string | null): void {
    const { id: sessionId, tenant, user: userId, language } = session.identity
    const startedAtMs = wholeMs(session.createdAtWallMs)
    const { epoch, counter } = this.#options.fenceOf?.(sessionId) ?? NO_FENCE
    const row: SessionRecord = {
      sessionId,
      tenant,
      userId,
      pod: this.#options.podId,
      language,
      startedAtMs,
      // A clock that was set back meanwhile ends no session before its start.
      endedAtMs: endedAtMs === null ? null : Math.max(startedAtMs, endedAtMs),
      endReason,
      fenceEpoch: epoch,
      fenceCounter: counter,
    }
    this.#options.record({ table: 'sessions', row })
  }
}

const wholeMs = (ms: number): number => Math.max(0, Math.round(ms))
