// Users who are forgotten by way of another pod or the command line have sessions here, too: the database says so, and they are ended.
import type { Scope } from '@parley/kernel'
import { NOBODY_YET, type RecordStore } from '@parley/store'

/** The database is asked this often. */
export const FORGOTTEN_EVERY_MS = 3_000

export interface OpenSession {
  readonly createdAtWallMs: number
  readonly identity: { readonly id: string; readonly tenant: string; readonly user: string }
}

export interface ForgottenWatchOptions {
  readonly scope: Scope
  readonly store: Pick<RecordStore, 'forgottenAfter' | 'forgetSessions'>
  readonly sessions: () => Iterable<OpenSession>
  /** Ends it: its user was forgotten after it began. */
  readonly end: (tenant: string, sessionId: string) => void
}

/** Looks until the scope closes; while the database is lost it misses nothing, and learns of it later. */
export function watchForgotten({ scope, ...options }: ForgottenWatchOptions): void {
  const watch = new ForgottenWatch(options)
  scope.every(FORGOTTEN_EVERY_MS, () => watch.look())
}

class ForgottenWatch {
  readonly #options: Omit<ForgottenWatchOptions, 'scope'>
  #last = NOBODY_YET
  /** What they recorded between the forgetting and their end is in the database by the next look. */
  #ended: string[] = []
  #isLooking = false

  constructor(options: Omit<ForgottenWatchOptions, 'scope'>) {
    this.#options = options
  }

  look(): void {
    if (this.#isLooking) return
    this.#isLooking = true
    void this.#look().finally(() => {
      this.#isLooking = false
    })
  }

  async #look(): Promise<void> {
    const { store, sessions, end } = this.#options
    if (this.#ended.length > 0 && (await store.forgetSessions(this.#ended)).ok) this.#ended = []
    const answer = await store.forgottenAfter(this.#last)
    if (!answer.ok || answer.value === undefined) return
    const { last, forgottenAtMs } = answer.value
    this.#last = last
    for (const { createdAtWallMs, identity } of [...sessions()]) {
      const atMs = forgottenAtMs(identity.tenant, identity.user)
      // Who comes back later is somebody new.
      if (atMs === undefined || createdAtWallMs > atMs) continue
      end(identity.tenant, identity.id)
      this.#ended.push(identity.id)
    }
  }
}
