// How long the receiving thread sleeps between two looks at its socket. Waking costs more than dozens of packets; sleeping costs
// latency, and nothing is lost by it while the socket's buffer has room.

/** libuv takes at most so many datagrams from a socket per turn of the loop: then there may be more. */
export const FULL_TURN_PACKETS = 32
/** At low rates: what a packet may wait where waking is all there is to pay. */
export const SHORT_SLEEP_MS = 2
/** At high rates: half as many wakes. With 50,000 packets/s it saved 80 to 100 us of the thread per session-second (1,000 sessions). */
export const LONG_SLEEP_MS = 4
/**
 * Packets between two sleeps from which on the next one is long: 24,000/s with the short sleep, 12,000/s with the long one, so that
 * a rate in between does not change it at every wake.
 */
export const MANY_PACKETS = 48

/**
 * Milliseconds to sleep now; 0 = look again at once, as the last turn was full. `turnPackets`: of the turn that just ended;
 * `packets`: of all turns since the last sleep, that one included.
 */
export function coalesceMs(turnPackets: number, packets: number): number {
  if (turnPackets >= FULL_TURN_PACKETS) return 0
  return packets >= MANY_PACKETS ? LONG_SLEEP_MS : SHORT_SLEEP_MS
}
