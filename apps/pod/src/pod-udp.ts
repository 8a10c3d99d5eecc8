// What the pod as a whole asks of its UDP receiver, beyond what sessions ask of it.
import type { UdpAddress, UdpPort } from './udp/udp-port.ts'

export interface PodUdp extends UdpPort {
  /** Where it is bound; undefined while there is no socket. */
  readonly address: UdpAddress | undefined
  /** Why there is no socket, in a sentence; undefined while there is one. */
  readonly closedBecause: string | undefined
}
