// What the kernel says about the UDP socket: the buffer it granted and the datagrams it dropped. Parsing is pure; Linux tells,
// elsewhere there is nothing to read.
import { readdirSync, readFileSync, readlinkSync } from 'node:fs'

const TABLES = ['/proc/net/udp', '/proc/net/udp6']
// Columns of a row, split at blanks: local address, inode and drops.
const LOCAL_COLUMN = 1
const INODE_COLUMN = 9
const DROPS_COLUMN = 12

export interface BufferGrant {
  /** In the terms it was asked for. */
  readonly receiveBufferBytes: number
  readonly isGranted: boolean
}

/**
 * `reportedBytes` is what getsockopt says. Linux doubles what it grants, for its own bookkeeping, and reports that; a request
 * beyond net.core.rmem_max is cut without a word.
 */
export function bufferGrant(askedBytes: number, reportedBytes: number, platform: NodeJS.Platform): BufferGrant {
  const receiveBufferBytes = platform === 'linux' ? Math.floor(reportedBytes / 2) : reportedBytes
  return { receiveBufferBytes, isGranted: receiveBufferBytes >= askedBytes }
}

interface UdpRow {
  readonly port: number
  readonly inode: string
  readonly drops: number
}

/** The rows of /proc/net/udp or udp6; lines that are none are left out. */
export function parseUdpTable(table: string): UdpRow[] {
  const rows: UdpRow[] = []
  for (const line of table.split('\n')) {
    const fields = line.trim().split(/\s+/)
    const port = Number.parseInt(fields[LOCAL_COLUMN]?.split(':')[1] ?? '', 16)
    const drops = Number(fields[DROPS_COLUMN])
    const inode = fields[INODE_COLUMN]
    if (Number.isInteger(port) && inode !== undefined && Number.isInteger(drops)) rows.push({ port, inode, drops })
  }
  return rows
}

function readRows(): UdpRow[] {
  const rows: UdpRow[] = []
  for (const file of TABLES) {
    try {
      rows.push(...parseUdpTable(readFileSync(file, 'utf8')))
    } catch {
      // Not Linux, or IPv6 is off.
    }
  }
  return rows
}

/** Descriptors of this process's sockets, by inode. */
function ownSockets(): Map<string, number> {
  const sockets = new Map<string, number>()
  try {
    for (const fd of readdirSync('/proc/self/fd')) {
      try {
        const inode = /^socket:\[(\d+)\]$/.exec(readlinkSync(`/proc/self/fd/${fd}`))?.[1]
        if (inode !== undefined) sockets.set(inode, Number(fd))
      } catch {
        // Closed since it was listed.
      }
    }
  } catch {
    // No /proc.
  }
  return sockets
}

/** What of this process is bound to `port`; undefined where that cannot be read, or where there is more than one. */
function ownSocketOn(port: number): { readonly inode: string; readonly fd: number } | undefined {
  const own = ownSockets()
  const rows = readRows().filter((row) => row.port === port && own.has(row.inode))
  const inode = rows.length === 1 ? rows[0]?.inode : undefined
  return inode === undefined ? undefined : { inode, fd: own.get(inode) as number }
}

/** Descriptor of this process's UDP socket on `port`; undefined where that cannot be read. */
export function socketDescriptor(port: number): number | undefined {
  return ownSocketOn(port)?.fd
}

/** Reads the drops of this process's socket on `port`; 0 where that cannot be read. Not for every packet: it parses a table. */
export function kernelDropsReader(port: number): () => number {
  const inode = ownSocketOn(port)?.inode
  if (inode === undefined) return () => 0
  return () => readRows().find((row) => row.inode === inode)?.drops ?? 0
}
