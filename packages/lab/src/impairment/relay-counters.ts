// What passed the relay and what did not, and why: plain numbers, counted from its start.

/** `flows`: no place for one more source. `memory`: more is delayed than the relay holds. `unsent`: the system refused to send. */
export const DROP_REASONS = ['loss', 'burst', 'queue', 'cut', 'flows', 'memory', 'unsent'] as const
export type DropReason = (typeof DROP_REASONS)[number]

/** One direction. A datagram that entered is delivered, dropped for one reason, or still on its way. */
export interface DirectionCounters {
  packets: number
  bytes: number
  deliveredPackets: number
  deliveredBytes: number
  readonly dropped: Record<DropReason, number>
  /** Delivered later than they came. */
  delayed: number
  /** Delivered after one of the same flow that had come later. */
  reordered: number
  /** Copies delivered beside their originals; not counted in `deliveredPackets`. */
  duplicated: number
  tcpBytes: number
  tcpDeliveredBytes: number
  /** Pieces of TCP that came later because the network would have lost them. */
  tcpRetransmitted: number
}

export interface RelayTotals {
  udpFlowsTotal: number
  udpRebindsTotal: number
  tcpConnectionsTotal: number
  /** Connections that the relay reset, by a cut or a rebind. */
  tcpResetTotal: number
  /** Connections turned away during a cut, or for want of room. */
  tcpRefusedTotal: number
  /** Connections whose target did not answer. */
  tcpUnreachableTotal: number
  cutsTotal: number
}

export const newDirectionCounters = (): DirectionCounters => ({
  packets: 0,
  bytes: 0,
  deliveredPackets: 0,
  deliveredBytes: 0,
  dropped: { loss: 0, burst: 0, queue: 0, cut: 0, flows: 0, memory: 0, unsent: 0 },
  delayed: 0,
  reordered: 0,
  duplicated: 0,
  tcpBytes: 0,
  tcpDeliveredBytes: 0,
  tcpRetransmitted: 0,
})

export const newTotals = (): RelayTotals => ({
  udpFlowsTotal: 0,
  udpRebindsTotal: 0,
  tcpConnectionsTotal: 0,
  tcpResetTotal: 0,
  tcpRefusedTotal: 0,
  tcpUnreachableTotal: 0,
  cutsTotal: 0,
})
