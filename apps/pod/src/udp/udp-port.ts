// Sealed UDP audio as sessions see it: channels that open, deliver frames in order, and close. Sockets, threads and keys are behind it.
import type { AudioFormat, UdpOffer } from '@parley/protocol'

export interface UdpPort {
  /** False: no socket (switched off, or it could not be bound); `open` then always answers undefined. */
  readonly isOpen: boolean
  /**
   * Makes a channel with a key of its own. Resolves when the receiver has acknowledged it: a packet sent after that is never unknown.
   * Undefined when there is no socket, no free channel, or no acknowledgement within a second. Frames may come at once.
   */
  open(options: UdpChannelOptions): Promise<UdpChannel | undefined>
  stats(): UdpStats
  /** Closes the socket and every channel. Within 300 ms. Idempotent. */
  close(): Promise<void>
}

export interface UdpChannelOptions {
  readonly format: AudioFormat
  readonly listener: UdpListener
}

export interface UdpChannel {
  /** Channel number and key of the offer; host and port are the caller's to announce. */
  readonly channel: number
  /** 32 bytes, base64. */
  readonly key: string
  /** The key opens nothing any more, and no frame is delivered after this returns. Idempotent. */
  close(): void
}

export interface UdpListener {
  /**
   * One frame, authenticated, never twice, in rising order of `seq` (extended from the wire, not modulo); what did not come in time
   * is a gap in `seq`. `payload` is a view that is valid until this returns. `receivedAtWallMs` was taken in the receiving thread.
   */
  onFrame(seq: number, mediaTime: number, payload: Uint8Array, receivedAtWallMs: number): void
}

export type UdpDropReason = (typeof UDP_DROP_REASONS)[number]
/** Why a datagram was not delivered. `late` came after its place had been given up; `ring_full` is the main loop's fault. */
export const UDP_DROP_REASONS = [
  'too_short',
  'too_long',
  'unknown_kind',
  'wrong_direction',
  'unknown_channel',
  'source_rate',
  'session_rate',
  'not_authentic',
  'replayed',
  'out_of_window',
  'late',
  'ring_full',
] as const

export interface UdpStats {
  readonly channels: number
  readonly packetsTotal: number
  readonly framesTotal: number
  readonly probesTotal: number
  /** Frames that were awaited and given up; the sum over channels. */
  readonly framesMissingTotal: number
  readonly framesReorderedTotal: number
  readonly rebindsTotal: number
  readonly droppedTotal: Readonly<Record<UdpDropReason, number>>
  /** Datagrams the kernel dropped on this socket for want of buffer (/proc/net/udp); 0 where that cannot be read. */
  readonly kernelDropsTotal: number
  readonly receiveBufferBytes: number
  /** The kernel granted what was asked. */
  readonly isReceiveBufferGranted: boolean
  readonly ringBytes: number
  readonly ringUsedBytes: number
  readonly ringPeakBytes: number
  /** CPU of the receiving thread since start, microseconds. */
  readonly threadCpuUs: number
}

/** The bound address; announced unless the configuration says otherwise. */
export type UdpAddress = Pick<UdpOffer, 'host' | 'port'>
