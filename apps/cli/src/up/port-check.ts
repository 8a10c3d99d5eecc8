// Tries the public address before anything is started, so that a port that cannot be had is one clear line.
import { type AddressInfo, createServer } from 'node:net'
import { CliError, EXIT } from '../exit-codes.ts'
import { describeHolder, findPortHolder } from './port-holder.ts'

function tryListen(host: string, port: number): Promise<NodeJS.ErrnoException | undefined> {
  return new Promise((resolve) => {
    const server = createServer()
    server.once('error', (error) => resolve(error))
    server.listen({ host, port, exclusive: true }, () => server.close(() => resolve(undefined)))
  })
}

/** The lowest port above `port` that is free on `host`, looking at the next few. */
async function nextFree(host: string, port: number): Promise<number> {
  for (let candidate = port + 1; candidate < Math.min(port + 20, 65_536); candidate++) {
    if (!(await tryListen(host, candidate))) return candidate
  }
  return 0
}

/** The first `count` ports above `port` that are free on `host`; of port 0, that many zeros: free ones when they are bound. */
export async function portsAfter(host: string, port: number, count: number): Promise<number[]> {
  const ports: number[] = []
  for (let last = port; ports.length < count; ) {
    last = port === 0 ? 0 : await nextFree(host, last)
    if (last === 0 && port !== 0)
      throw new CliError(
        `no free ports after ${port} on ${host} for ${count} more pods; use another: --port`,
        EXIT.port,
      )
    ports.push(last)
  }
  return ports
}

/** A port of loopback that was free a moment ago. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as AddressInfo
      server.close(() => resolve(port))
    })
  })
}

/** Passes when `host`:`port` can be bound; otherwise a CliError that names the holder or the reason and the next step. */
export async function checkPort(host: string, port: number): Promise<void> {
  const error = await tryListen(host, port)
  if (!error) return
  switch (error.code) {
    case 'EADDRINUSE': {
      const holder = describeHolder(await findPortHolder(port))
      const other = await nextFree(host, port)
      throw new CliError(
        `port ${port} on ${host} is taken${holder}; stop it, or use another: --port ${other}`,
        EXIT.port,
      )
    }
    case 'EACCES':
      throw new CliError(
        `this user may not listen on port ${port} of ${host}: use a port from 1024 up (--port 8443), or allow it with: sudo sysctl net.ipv4.ip_unprivileged_port_start=${port}`,
        EXIT.permission,
      )
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
    case 'EINVAL':
    case 'EAFNOSUPPORT':
      throw new CliError(
        `${host} is not an address of this machine; use 127.0.0.1 (only this machine) or 0.0.0.0 (every address): --host`,
        EXIT.usage,
      )
    default:
      throw new CliError(`cannot listen on ${host} port ${port}: ${error.message}`)
  }
}
