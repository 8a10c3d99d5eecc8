// What each pod of a platform is given of its own: ports, the socket of its admin listener, the directory they find each other in. Pure.
import path from 'node:path'
import type { ResolvedConfig } from '@parley/config'
import { type MemberName, podNames } from './supervisor-state.ts'

export interface PodPlan {
  readonly name: MemberName
  readonly config: ResolvedConfig
}

/** Of a path `run/admin.sock` the one of the pod at `index`: the first keeps it. */
export function socketOf(socket: string, index: number): string {
  if (index === 0 || socket === '') return socket
  const { dir, name, ext } = path.parse(socket)
  return path.join(dir, `${name}-pod-${index + 1}${ext}`)
}

/** What the pods of a platform share. */
export interface SharedServers {
  /** The directory they find each other in; '' for one alone. */
  readonly redisUrl: string
  /** PostgreSQL of their records; '' for a file of the data directory. */
  readonly databaseUrl: string
}

/** `ports`: of the public listeners, in the pods' order; 0 = a free one. */
export function planPods(
  config: ResolvedConfig,
  ports: readonly number[],
  { redisUrl, databaseUrl }: SharedServers,
): readonly PodPlan[] {
  return podNames(ports.length).map((name, index) => {
    const next = (port: number): number => (port > 0 ? port + index : port)
    const { server, admin, udp, fleet, records } = config
    return {
      name,
      config: {
        ...config,
        server: { ...server, port: ports[index] ?? 0 },
        admin: { ...admin, socket: socketOf(admin.socket, index), port: next(admin.port) },
        udp: { ...udp, port: next(udp.port), announcedPort: next(udp.announcedPort) },
        fleet: { ...fleet, port: next(fleet.port), redisUrl },
        records: { ...records, databaseUrl },
      },
    }
  })
}
