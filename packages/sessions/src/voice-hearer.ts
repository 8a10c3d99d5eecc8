// One connection that hears a language said: messages and frames in order, as it takes them. Speech is live: what it does not take in time is
// left out, so that who hears badly holds up nobody.
import type { SessionChannel } from './ports.ts'

/** Frames (40 ms at most each) that may wait for a connection; beyond it the oldest are left out. */
export const MAX_BEHIND_FRAMES = 50

type Item = { readonly kind: 'message' | 'frame'; readonly bytes: Buffer }

export class VoiceHearer {
  readonly channel: SessionChannel
  /** Number of the speech it hears; undefined between two. */
  speech: number | undefined
  readonly #waiting: Item[] = []
  #frames = 0

  constructor(channel: SessionChannel) {
    this.channel = channel
  }

  get waitingFrames(): number {
    return this.#frames
  }

  /** Never left out. */
  message(bytes: Buffer): void {
    if (this.#waiting.length === 0) this.channel.keep(bytes)
    else this.#waiting.push({ kind: 'message', bytes })
  }

  frame(bytes: Buffer): void {
    if (this.#waiting.length === 0 && this.channel.speech(bytes)) return
    this.#waiting.push({ kind: 'frame', bytes })
    this.#frames++
    if (this.#frames > MAX_BEHIND_FRAMES) this.#leaveOut()
  }

  /** The connection may take more by now. */
  drain(): void {
    let taken = 0
    for (const { kind, bytes } of this.#waiting) {
      if (kind === 'message') this.channel.keep(bytes)
      else if (!this.channel.speech(bytes)) break
      else this.#frames--
      taken++
    }
    this.#waiting.splice(0, taken)
  }

  /** It does not hear any more: no frame follows, every message does. */
  leave(last?: Buffer): void {
    for (const { kind, bytes } of this.#waiting.splice(0)) if (kind === 'message') this.channel.keep(bytes)
    this.#frames = 0
    this.speech = undefined
    if (last) this.channel.keep(last)
  }

  #leaveOut(): void {
    const oldest = this.#waiting.findIndex(({ kind }) => kind === 'frame')
    this.#waiting.splice(oldest, 1)
    this.#frames--
  }
}
