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
  /** Never waits, never throws. */
  readonly record: (record: StoredRecord) => void
}

/** A session is of the pod that admitted it: nobody else writes its record. */
const ONLY_OWNER = { fenceEpoch: 0, fenceCounter: 0 } as const

export class SessionsToRecords implements SessionWitness {
  readonly #options: SessionsToRecordsOptions
  /** Audio of each open session that is counted already, ms. */
  readonly #countedMs = new Map<WitnessedSession, number>()

  constructor(options: SessionsToRecordsOptions) {
    this.#options = options
  }

  opened(session: WitnessedSession): void {
    this.#countedMs.set(session, 0)
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
      ...ONLY_OWNER,
    }
    this.#options.record({ table: 'sessions', row })
  }
}

const wholeMs = (ms: number): number => Math.max(0, Math.round(ms))
