/** Sealing of UDP packets (libsodium) and the window that tells repeated ones. No sockets, no clocks. Node only. */
export { openPacket, packetBytes, sealPacket } from './cipher.ts'
export { OPEN_REFUSALS, OpenerTable, type OpenRefusal, packetFault, type SealRole } from './opener-table.ts'
export { PacketOpener } from './packet-opener.ts'
export { PacketSealer } from './packet-sealer.ts'
export { type ReplayVerdict, ReplayWindow } from './replay-window.ts'
export { ReceiverSeal, SenderSeal } from './seals.ts'
