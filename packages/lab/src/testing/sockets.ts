// Ends of a relay for tests: a datagram socket that keeps what it hears, a TCP server that keeps its connections.
import { createSocket, type RemoteInfo, type Socket as UdpSocket } from 'node:dgram'
import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'
import type { Address } from '../impairment/path.ts'

export interface UdpEnd {
  readonly address: Address
  readonly socket: UdpSocket
  /** What came, as text, and from where. */
  readonly heard: { readonly text: string; readonly from: RemoteInfo }[]
  send(text: string | Buffer, to: Address): void
  close(): Promise<void>
}

/** Binds 127.0.0.1. With `echo` it answers each datagram with the same. */
export async function openUdpEnd(options: { readonly echo?: boolean } = {}): Promise<UdpEnd> {
  const socket = createSocket('udp4')
  const heard: UdpEnd['heard'] = []
  socket.on('message', (message, from) => {
    heard.push({ text: message.toString(), from })
    if (options.echo) socket.send(message, from.port, from.address)
  })
  socket.bind(0, '127.0.0.1')
  await once(socket, 'listening')
  const { address, port } = socket.address()
  return {
    address: { host: address, port },
    socket,
    heard,
    send: (text, to) => socket.send(text, to.port, to.host),
    close: () => new Promise((resolve) => void socket.close(() => resolve())),
  }
}

export interface TcpEnd {
  readonly address: Address
  readonly server: Server
  /** Every connection it ever took. */
  readonly sockets: Socket[]
  close(): Promise<void>
}

/** Listens on 127.0.0.1; half-open connections are allowed. `onSocket` decides what is done with each; nothing is read before. */
export async function openTcpEnd(onSocket: (socket: Socket) => void = () => {}): Promise<TcpEnd> {
  const sockets: Socket[] = []
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
    sockets.push(socket)
    socket.on('error', () => {})
    onSocket(socket)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { address, port } = server.address() as AddressInfo
  return {
    address: { host: address, port },
    server,
    sockets,
    close() {
      for (const socket of sockets) socket.destroy()
      return new Promise((resolve) => void server.close(() => resolve()))
    },
  }
}

export interface Caller {
  readonly socket: Socket
  text(): string
  /** How it ended: `end` by FIN, `ECONNRESET` and the like by its code; undefined while it lives. */
  ended(): string | undefined
}

/** Connects, and keeps what comes. */
export async function call(to: Address): Promise<Caller> {
  const socket = connect({ host: to.host, port: to.port, allowHalfOpen: true, noDelay: true })
  let text = ''
  let ended: string | undefined
  socket.setEncoding('utf8')
  socket.on('data', (part: string) => {
    text += part
  })
  socket.on('end', () => {
    ended ??= 'end'
  })
  socket.on('error', (error: NodeJS.ErrnoException) => {
    ended = error.code
  })
  socket.on('close', () => {
    ended ??= 'closed'
  })
  await once(socket, 'connect')
  return { socket, text: () => text, ended: () => ended }
}
