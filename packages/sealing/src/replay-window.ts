// Tells a packet that came before from one that comes late, and turns the 32-bit counter of the wire into the 64-bit one of the
// nonce (the ideas of RFC 3711 sections 3.3.1 and 3.3.2). Pure. The state is 16 bytes in memory of the caller's, so that a receiver
// of thousands of channels finds each in one place; all zero means that nothing was accepted yet.
import { extendUint32 } from '@parley/protocol/audio-frame'
import { MAX_UDP_COUNTER, UDP_REPLAY_WINDOW_PACKETS } from '@parley/protocol/udp-packet'

export type ReplayVerdict = 'new' | 'replayed' | 'out_of_window'

/** Both views over the same bytes. A window is named by the index of its first float: 1 + the highest counter accepted. */
export interface WindowMemory {
  readonly floats: Float64Array
  readonly words: Int32Array
}

export const WINDOW_FLOATS = 2
const WORD_BITS = 32
// After the float: bit n of the first word, highest - n was accepted; of the second, highest - 32 - n.
const recentAt = (at: number): number => 2 * at + 2
const olderAt = (at: number): number => 2 * at + 3

/** The highest counter accepted; -1 before the first. */
export const windowHighest = ({ floats }: WindowMemory, at: number): number => (floats[at] as number) - 1

/** The counter congruent to `low` modulo 2^32 that is nearest to the highest accepted (nearest to 0 before the first). */
export function windowExtend(memory: WindowMemory, at: number, low: number): number {
  return extendUint32(low, Math.max(0, windowHighest(memory, at)))
}

/** What `counter` (extended) is; changes nothing. Counters that can have no nonce of their own are `out_of_window`. */
export function windowVerdict(memory: WindowMemory, at: number, counter: number): ReplayVerdict {
  const behind = windowHighest(memory, at) - counter
  if (behind < 0) return counter > MAX_UDP_COUNTER ? 'out_of_window' : 'new'
  if (behind >= UDP_REPLAY_WINDOW_PACKETS || counter < 0) return 'out_of_window'
  const word = memory.words[behind < WORD_BITS ? recentAt(at) : olderAt(at)] as number
  return ((word >>> (behind % WORD_BITS)) & 1) === 1 ? 'replayed' : 'new'
}

/** Marks `counter`, whose verdict was `new`. */
export function windowAccept(memory: WindowMemory, at: number, counter: number): void {
  const { floats, words } = memory
  const recent = words[recentAt(at)] as number
  const ahead = counter - windowHighest(memory, at)
  if (ahead <= 0) {
    if (-ahead < WORD_BITS) words[recentAt(at)] = recent | (1 << -ahead)
    else words[olderAt(at)] = (words[olderAt(at)] as number) | (1 << (-ahead - WORD_BITS))
    return
  }
  if (ahead < WORD_BITS) {
    words[olderAt(at)] = ((words[olderAt(at)] as number) << ahead) | (recent >>> (WORD_BITS - ahead))
    words[recentAt(at)] = (recent << ahead) | 1
  } else {
    words[olderAt(at)] = ahead < UDP_REPLAY_WINDOW_PACKETS ? recent << (ahead - WORD_BITS) : 0
    words[recentAt(at)] = 1
  }
  floats[at] = counter + 1
}

/**
 * One window with memory of its own: remembers the UDP_REPLAY_WINDOW_PACKETS counters up to the highest accepted. Ask `verdict`
 * before opening, call `accept` after the packet proved authentic: a forged counter moves nothing.
 */
export class ReplayWindow {
  readonly #memory: WindowMemory

  constructor() {
    const floats = new Float64Array(WINDOW_FLOATS)
    this.#memory = { floats, words: new Int32Array(floats.buffer) }
  }

  /** The highest counter accepted; -1 before the first. */
  get highest(): number {
    return windowHighest(this.#memory, 0)
  }
  /** See windowExtend. */
  extend(low: number): number {
    return windowExtend(this.#memory, 0, low)
  }
  /** See windowVerdict. */
  verdict(counter: number): ReplayVerdict {
    return windowVerdict(this.#memory, 0, counter)
  }
  /** See windowAccept. */
  accept(counter: number): void {
    windowAccept(this.#memory, 0, counter)
  }
}
