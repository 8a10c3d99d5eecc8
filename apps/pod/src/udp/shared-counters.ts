// What the UDP thread counts, where both sides see it: one float per counter in shared memory. The thread writes, the main loop
// reads; totals outlive a thread that had to be started again.
import { UDP_DROP_REASONS, type UdpDropReason } from './udp-port.ts'

const TOTALS = [
  'packets',
  'frames',
  'probes',
  'missing',
  'reordered',
  'rebinds',
  'kernelDrops',
  'channels',
  'ringPeakBytes',
  'threadCpuUs',
] as const
export type UdpCounter = (typeof TOTALS)[number] | UdpDropReason

const NAMES: readonly UdpCounter[] = [...TOTALS, ...UDP_DROP_REASONS]
/** Where each counter lives. */
export const COUNTER_INDEX = Object.fromEntries(NAMES.map((name, index) => [name, index])) as Readonly<
  Record<UdpCounter, number>
>

export function makeSharedCounters(): Float64Array {
  return new Float64Array(new SharedArrayBuffer(NAMES.length * Float64Array.BYTES_PER_ELEMENT))
}

export const readCounter = (counters: Float64Array, name: UdpCounter): number => counters[COUNTER_INDEX[name]] as number
