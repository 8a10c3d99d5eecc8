// May this connection send its audio over UDP, and if so where and under which key? Opens the channel; whose it is then is the
// caller's affair.
import { type Clock, withDeadline } from '@parley/kernel'
import { type AudioFormat, fitsUdp, MAX_UDP_PAYLOAD_BYTES, type UDP_REFUSALS, type UdpOffer } from '@parley/protocol'
import type { UdpChannel, UdpListener, UdpPort } from '../udp/udp-port.ts'
import type { Peer } from './session-service.ts'

export interface UdpService {
  readonly port: UdpPort
  /** Where clients are told to send; host '' = the host they connected to. Undefined while there is no socket. */
  announced(): { readonly host: string; readonly port: number } | undefined
}

export type UdpRefusal = (typeof UDP_REFUSALS)[number]

export type UdpAnswer =
  | { readonly kind: 'not_asked' }
  | { readonly kind: 'refused'; readonly reason: UdpRefusal }
  | { readonly kind: 'offered'; readonly offer: UdpOffer; readonly channel: UdpChannel }

/** The port answers within a second by contract; this is for a bug in that. The welcome comes in any case. */
export const UDP_OPEN_DEADLINE_MS = 1_500

const NOT_ASKED: UdpAnswer = { kind: 'not_asked' }

export interface UdpAsk {
  readonly isWanted: boolean
  readonly format: AudioFormat
  readonly peer: Peer
  readonly listener: UdpListener
}

/** Never rejects. `udp` is undefined when it is switched off. */
export async function offerUdp(ask: UdpAsk, udp: UdpService | undefined, clock: Clock): Promise<UdpAnswer> {
  if (!ask.isWanted) return NOT_ASKED
  if (!udp) return refused('disabled')
  if (!ask.peer.mayCarryKeys) return refused('insecure')
  if (!fitsUdp(ask.format)) return refused('format')
  const channel = udp.port.isOpen ? await openChannel(ask, udp.port, clock) : undefined
  const announced = udp.announced()
  if (!channel || !announced) {
    channel?.close()
    return refused('unavailable')
  }
  const offer: UdpOffer = {
    host: announced.host || hostOf(ask.peer.wsUrl),
    port: announced.port,
    channel: channel.channel,
    key: channel.key,
    maxPayloadBytes: MAX_UDP_PAYLOAD_BYTES,
  }
  return { kind: 'offered', offer, channel }
}

const refused = (reason: UdpRefusal): UdpAnswer => ({ kind: 'refused', reason })

async function openChannel({ format, listener }: UdpAsk, port: UdpPort, clock: Clock): Promise<UdpChannel | undefined> {
  let isLate = false
  const opening = port.open({ format, listener }).then((channel) => {
    // Nobody waits for it any more, so nobody else would close it.
    if (isLate) channel?.close()
    return channel
  })
  try {
    return await withDeadline(clock, UDP_OPEN_DEADLINE_MS, 'opening a UDP channel', opening)
  } catch {
    isLate = true
    return undefined
  }
}

/** The host of a WebSocket address, as sockets take it: an IPv6 address without its brackets. */
function hostOf(wsUrl: string): string {
  return new URL(wsUrl).hostname.replace(/^\[(.*)\]$/, '$1')
}
