// Binds a server to an address, or says in one line why it cannot.
import type { Server } from 'node:net'
import { StartFailure } from '../exit-codes.ts'

export type ListenAddress =
  | { readonly kind: 'tcp'; readonly host: string; readonly port: number; readonly setting: string }
  | { readonly kind: 'unix'; readonly path: string; readonly setting: string }

/** Resolves when the server listens. Throws StartFailure, naming the address and the setting that changes it. */
export function listen(server: Server, address: ListenAddress): Promise<void> {
  return new Promise((resolve, reject) => {
    const onError = (error: NodeJS.ErrnoException) => {
      server.off('listening', onListening)
      reject(listenFailure(error, address))
    }
    const onListening = () => {
      server.off('error', onError)
      resolve()
    }
    server.once('error', onError)
    server.once('listening', onListening)
    if (address.kind === 'unix') server.listen({ path: address.path })
    else server.listen({ host: bareHost(address.host), port: address.port })
  })
}

export function listenFailure(error: NodeJS.ErrnoException, address: ListenAddress): StartFailure {
  const where = address.kind === 'unix' ? `the socket ${address.path}` : `port ${address.port} of ${address.host}`
  const { setting } = address
  switch (error.code) {
    case 'EADDRINUSE':
      return new StartFailure(
        'portInUse',
        'PORT_IN_USE',
        `${where} is taken by another process; set ${setting} to another`,
        error,
      )
    case 'EACCES':
    case 'EPERM':
      return new StartFailure(
        'noPermission',
        'PORT_PERMISSION',
        `this user may not listen on ${where}; set ${setting} to another`,
        error,
      )
    case 'EADDRNOTAVAIL':
    case 'EAFNOSUPPORT':
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return new StartFailure(
        'usage',
        'ADDRESS_UNKNOWN',
        `${where}: this machine has no such address (${error.code}); set server.host (--host)`,
        error,
      )
    default:
      return new StartFailure('internal', 'LISTEN_FAILED', `cannot listen on ${where}: ${error.message}`, error)
  }
}

/** `[::1]` as people write it in URLs, `::1` as the system wants it. */
export function bareHost(host: string): string {
  return host.replace(/^\[(.*)\]$/, '$1')
}

/** The host as it goes into a URL; for "every address" the name by which this machine reaches itself. */
export function urlHost(host: string): string {
  const bare = bareHost(host)
  if (bare === '::' || bare === '0.0.0.0' || bare === '') return 'localhost'
  return bare.includes(':') ? `[${bare}]` : bare
}
