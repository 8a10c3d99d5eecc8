// Tokens without signatures, for tests of what sessions do with good and bad ones.
import { type Clock, err, ok, type Result, randomToken } from '@parley/kernel'
import { ParleyError, TICKET_LIFETIME_MS } from '@parley/protocol'
import type { Redeemed, ResumeClaims, TicketClaims, Tokens, WatchClaims } from '../../identity/identity-port.ts'

type Issued = Exclude<Redeemed, { kind: 'used_ticket' }> & { readonly expiresAtMs: number }

export class PlainTokens implements Tokens {
  readonly #clock: Clock
  readonly #issued = new Map<string, Issued>()
  readonly #used = new Set<string>()
  /** Awaited by every redeem; a test may hold one back. */
  gate: Promise<void> = Promise.resolve()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  async issueTicket(claims: TicketClaims): Promise<{ token: string; expiresAtMs: number }> {
    const expiresAtMs = this.#clock.wallMs() + TICKET_LIFETIME_MS
    return { token: this.#issue({ kind: 'ticket', claims, expiresAtMs }), expiresAtMs }
  }
  async issueResumeToken(claims: ResumeClaims): Promise<string> {
    return this.#issue({ kind: 'resume', claims, expiresAtMs: Number.POSITIVE_INFINITY })
  }
  async issueWatchToken(claims: WatchClaims): Promise<string> {
    return this.#issue({ kind: 'watch', claims, expiresAtMs: claims.expiresAtMs })
  }
  async issueUserToken(
    _tenant: string,
    _user: string,
    lifetimeMs: number,
  ): Promise<{ token: string; expiresAtMs: number }> {
    return { token: randomToken(20), expiresAtMs: this.#clock.wallMs() + lifetimeMs }
  }

  async redeem(token: string): Promise<Result<Redeemed, ParleyError>> {
    await this.gate
    const issued = this.#issued.get(token)
    if (!issued) return err(new ParleyError('TICKET_INVALID'))
    const isExpired = issued.expiresAtMs <= this.#clock.wallMs()
    if (issued.kind === 'watch') return isExpired ? err(new ParleyError('WATCH_LINK_INVALID')) : ok(issued)
    if (isExpired) return err(new ParleyError('TICKET_EXPIRED'))
    if (issued.kind !== 'ticket') return ok(issued)
    const isUsed = this.#used.has(token)
    this.#used.add(token)
    return ok(isUsed ? { ...issued, kind: 'used_ticket' } : issued)
  }

  #issue(issued: Issued): string {
    const token = randomToken(40)
    this.#issued.set(token, issued)
    return token
  }
}
