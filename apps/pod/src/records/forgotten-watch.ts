// Users who are forgotten by way of another pod or the command line have sessions here, too: the database says so, and they are ended.
import type { Result, Scope } from '@parley/kernel'
import { type ForgottenUsers, NOBODY_YET, type StoreError } from '@parley/store'

/** The database is asked this often. */
export const FORGOTTEN_EVERY_MS = 3_000

export interface OpenSession {
  readonly createdAtWallMs: number
  readonly identity: { readonly id: string; readonly tenant: string; readonly user: string }
}

export interface ForgottenWatchOptions {
  readonly scope: Scope
  readonly store: { forgottenAfter(last: string): Promise<Result<ForgottenUsers | undefined, StoreError>> }
  readonly sessions: () => Iterable<OpenSession>
  /** Ends it: its user was forgotten after it began. */
  readonly end: (tenant: string, sessionId: string) => void
}

/** Looks until the scope closes; while the database is lost it misses nothing, and learns of it later. */
export function watchForgotten({ scope, store, sessions, end }: ForgottenWatchOptions): void {
  let last = NOBODY_YET
  let isAsking = false
  const look = async (): Promise<void> => {
    const answer = await store.forgottenAfter(last)
    if (!answer.ok || answer.value === undefined || scope.isClosed) return
    const { forgottenAtMs } = answer.value
    last = answer.value.last
    for (const { createdAtWallMs, identity } of [...sessions()]) {
      const atMs = forgottenAtMs(identity.tenant, identity.user)
      // Who comes back later is somebody new.
      if (atMs !== undefined && createdAtWallMs <= atMs) end(identity.tenant, identity.id)
    }
  }
  scope.every(FORGOTTEN_EVERY_MS, () => {
    if (isAsking) return
    isAsking = true
    void look().finally(() => {
      isAsking = false
    })
  })
}
