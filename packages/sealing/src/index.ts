/** Sealing of UDP packets (libsodium) and the window that tells repeated ones. No sockets, no clocks. Node only. */
export { openPacket, packetBytes, sealPacket } from './cipher.ts'
export { OPEN_REFUSALS, type OpenRefusal, PacketOpener, packetFault, type SealRole } from './packet-opener.ts'
export { PacketSealer } from './packet-sealer.ts'
export { type ReplayVerdict, ReplayWindow } from './replay-window.ts'
export { ReceiverSeal, SenderSeal } from './seals.ts'
