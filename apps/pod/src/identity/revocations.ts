// What has been revoked before its time, as this pod knows it: a set that only grows until its entries end by themselves, so that what several pods
// know can be put together in any order. Who tells whom is fleet/revocation-spread.ts, what outlives the process revocation-file.ts.
import { createHash } from 'node:crypto'
import { type Clock, Emitter } from '@parley/kernel'

export const REVOKED_KINDS = ['key', 'link'] as const
export type RevokedKind = (typeof REVOKED_KINDS)[number]

/** Of kinds that are not known here. */
export const MAX_KIND_CHARS = 32

export interface Revocation {
  /** Of a pod one version ahead also another than ours: kept and passed on, so that all pods know the same. */
  readonly kind: RevokedKind | (string & {})
  /** Of a key the SHA-256 in hex, as the configuration has it: another key may take its name. Of a watch link its id. */
  readonly id: string
  /** When there is nothing left to revoke; wall clock ms. */
  readonly untilMs: number
}

/** Beyond it those go that end first: links, whose sessions know of them by themselves. */
export const MAX_REVOCATIONS = 4_000
/** A key ends with the configuration that names it, which nobody here knows the end of. */
export const KEY_REVOKED_FOR_MS = 10 * 365 * 24 * 3_600_000

export class Revocations {
  readonly #clock: Clock
  readonly #known = new Map<string, Revocation>()
  readonly #events = new Emitter<{ added: readonly Revocation[] }>()
  #digest: { readonly text: string; readonly untilMs: number } | undefined

  constructor(clock: Clock) {
    this.#clock = clock
  }

  get size(): number {
    return this.#known.size
  }

  has(kind: RevokedKind, id: string): boolean {
    const found = this.#known.get(nameOf(kind, id))
    return found !== undefined && found.untilMs > this.#clock.wallMs()
  }

  /** Answers with those that were not known; listeners hear of them before it returns. */
  add(revoked: readonly Revocation[]): readonly Revocation[] {
    const wallMs = this.#clock.wallMs()
    const added = revoked.filter(({ kind, id, untilMs }) => untilMs > wallMs && !this.#known.has(nameOf(kind, id)))
    if (added.length === 0) return added
    for (const each of added) this.#known.set(nameOf(each.kind, each.id), each)
    this.#digest = undefined
    this.#makeRoom(wallMs)
    this.#events.emit('added', added)
    return added
  }

  all(): readonly Revocation[] {
    const wallMs = this.#clock.wallMs()
    return [...this.#known.values()].filter(({ untilMs }) => untilMs > wallMs)
  }

  onAdded(listener: (added: readonly Revocation[]) => void): () => void {
    return this.#events.on('added', listener)
  }

  /** The same where the same is known. */
  digest(): string {
    const wallMs = this.#clock.wallMs()
    if (this.#digest && this.#digest.untilMs > wallMs) return this.#digest.text
    const all = this.all()
    const names = all.map(({ kind, id }) => nameOf(kind, id)).sort()
    const text = createHash('sha256').update(names.join('\n')).digest('base64url')
    const untilMs = all.reduce((soonest, each) => Math.min(soonest, each.untilMs), Number.POSITIVE_INFINITY)
    this.#digest = { text, untilMs }
    return text
  }

  #makeRoom(wallMs: number): void {
    if (this.#known.size <= MAX_REVOCATIONS) return
    const byEnd = [...this.#known].sort(([, a], [, b]) => a.untilMs - b.untilMs)
    const surplus = this.#known.size - MAX_REVOCATIONS
    for (const [at, [name, { untilMs }]] of byEnd.entries()) {
      if (at >= surplus && untilMs > wallMs) return
      this.#known.delete(name)
    }
  }
}

const nameOf = (kind: string, id: string): string => `${kind} ${id}`
