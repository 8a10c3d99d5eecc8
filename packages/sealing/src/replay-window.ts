// Tells a packet that came before from one that comes late, and turns the 32-bit counter of the wire into the 64-bit one of the
// nonce (the ideas of RFC 3711 sections 3.3.1 and 3.3.2). Pure; one window per kind of packet.
import { extendUint32, MAX_UDP_COUNTER, UDP_REPLAY_WINDOW_PACKETS } from '@parley/protocol'

export type ReplayVerdict = 'new' | 'replayed' | 'out_of_window'

const WORD_BITS = 32

/**
 * Remembers the UDP_REPLAY_WINDOW_PACKETS counters up to the highest accepted. Ask `verdict` before opening, call `accept`
 * after the packet proved authentic: a forged counter moves nothing.
 */
export class ReplayWindow {
  #highest = -1
  // Bit n of #recent: highest - n was accepted; of #older: highest - 32 - n.
  #recent = 0
  #older = 0

  /** The highest counter accepted; -1 before the first. */
  get highest(): number {
    return this.#highest
  }

  /** The counter congruent to `low` modulo 2^32 that is nearest to the highest accepted (nearest to 0 before the first). */
  extend(low: number): number {
    return extendUint32(low, Math.max(0, this.#highest))
  }

  /** What `counter` (extended) is; changes nothing. Counters that can have no nonce of their own are `out_of_window`. */
  verdict(counter: number): ReplayVerdict {
    const behind = this.#highest - counter
    if (behind < 0) return counter > MAX_UDP_COUNTER ? 'out_of_window' : 'new'
    if (behind >= UDP_REPLAY_WINDOW_PACKETS || counter < 0) return 'out_of_window'
    const word = behind < WORD_BITS ? this.#recent : this.#older
    return ((word >>> (behind % WORD_BITS)) & 1) === 1 ? 'replayed' : 'new'
  }

  /** Marks `counter`, whose verdict was `new`. */
  accept(counter: number): void {
    const ahead = counter - this.#highest
    if (ahead > 0) {
      this.#shift(ahead)
      this.#highest = counter
      this.#recent |= 1
    } else if (-ahead < WORD_BITS) {
      this.#recent |= 1 << -ahead
    } else {
      this.#older |= 1 << (-ahead - WORD_BITS)
    }
  }

  #shift(by: number): void {
    if (by >= UDP_REPLAY_WINDOW_PACKETS) {
      this.#older = 0
      this.#recent = 0
    } else if (by >= WORD_BITS) {
      this.#older = this.#recent << (by - WORD_BITS)
      this.#recent = 0
    } else {
      this.#older = (this.#older << by) | (this.#recent >>> (WORD_BITS - by))
      this.#recent <<= by
    }
  }
}
