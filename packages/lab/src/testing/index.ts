/** Ends of a relay for tests. */
export { type Caller, call, openTcpEnd, openUdpEnd, type TcpEnd, type UdpEnd } from './sockets.ts'
