/** For tests of what is built on providers. Not for the product. */
export { testCertificate } from './certificate.ts'
export { type LivePeer, type LiveServer, startLiveServer } from './live-server.ts'
