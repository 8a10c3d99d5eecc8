// Who listens on a TCP port of this machine, from /proc: for the one line that says why a port cannot be had.
import { readdir, readFile, readlink } from 'node:fs/promises'

const LISTEN = '0A'

/** Inodes and owners of the sockets that listen on `port`, from the text of /proc/net/tcp or tcp6. */
export function listenersOf(table: string, port: number): { inode: string; uid: number }[] {
  const wanted = port.toString(16).toUpperCase().padStart(4, '0')
  return table
    .split('\n')
    .slice(1)
    .flatMap((row) => {
      const [, local = '', , state, , , , uid = '', , inode = ''] = row.trim().split(/\s+/)
      return state === LISTEN && local.endsWith(`:${wanted}`) ? [{ inode, uid: Number(uid) }] : []
    })
}

export interface PortHolder {
  /** Undefined when the process belongs to somebody whose files this user may not see. */
  readonly pid: number | undefined
  readonly command: string
  readonly uid: number
}

async function processOfInode(inodes: ReadonlySet<string>): Promise<number | undefined> {
  const pids = (await readdir('/proc').catch(() => [])).filter((name) => /^\d+$/.test(name))
  for (const pid of pids) {
    const descriptors = await readdir(`/proc/${pid}/fd`).catch(() => [])
    for (const descriptor of descriptors) {
      const target = await readlink(`/proc/${pid}/fd/${descriptor}`).catch(() => '')
      const inode = /^socket:\[(\d+)\]$/.exec(target)?.[1]
      if (inode !== undefined && inodes.has(inode)) return Number(pid)
    }
  }
  return undefined
}

async function commandOf(pid: number): Promise<string> {
  const line = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')
  const words = line.split('\0').filter((word) => word !== '')
  return words.join(' ').slice(0, 120) || (await readFile(`/proc/${pid}/comm`, 'utf8').catch(() => '')).trim()
}

/** The process that listens on `port` on any address; undefined when there is none or no /proc to ask. */
export async function findPortHolder(port: number): Promise<PortHolder | undefined> {
  const tables = await Promise.all(['tcp', 'tcp6'].map((name) => readFile(`/proc/net/${name}`, 'utf8').catch(() => '')))
  const listeners = tables.flatMap((table) => listenersOf(table, port))
  const [first] = listeners
  if (!first) return undefined
  const pid = await processOfInode(new Set(listeners.map((listener) => listener.inode)))
  return { pid, command: pid === undefined ? '' : await commandOf(pid), uid: first.uid }
}

/** `by process 1234 (node server.js)`, or whose process it is. */
export function describeHolder(holder: PortHolder | undefined): string {
  if (!holder) return ''
  return holder.pid === undefined
    ? ` by a process of user ${holder.uid}`
    : ` by process ${holder.pid} (${holder.command})`
}
