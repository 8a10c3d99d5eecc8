// How many decoders a machine carries: cores give the most that keeps pace with live speech, memory the most that fits.
import { readFile } from 'node:fs/promises'
import { availableParallelism, freemem } from 'node:os'

/** A live stream takes about 0.1 to 0.2 of a core while somebody speaks; four to a core leave room for all speaking at once. */
export const SLOTS_PER_CORE = 4
/** Before anything was measured: streams are taken at once, and half of what an ordinary machine carries is safe on a slow one. */
export const FIRST_SLOTS_PER_CORE = 2
/** Part of the cores that decoders may take when everybody speaks at once. */
const BUSY_RATIO = 0.6
/** Beyond this it is not decoding that limits. */
const MAX_SLOTS_PER_CORE = 32
/** Resident memory of one decoder. */
export const DECODER_BYTES = 105_000_000
/** The rest of the memory is for everything else. */
const MEMORY_RATIO = 0.5

export interface MachineRoom {
  readonly cores: number
  readonly availableBytes: number
}

/** At least 1. `share` is the part of the machine this process may take (0..1], e.g. 1 / workers. */
export function slotsFor(room: MachineRoom, share = 1, slotsPerCore = SLOTS_PER_CORE): number {
  return Math.max(1, Math.min(Math.ceil(room.cores * share) * slotsPerCore, slotsByMemory(room, share)))
}

/** As `slotsFor`, from what one decoder was measured to cost: CPU time per time of speech. */
export function measuredSlots(room: MachineRoom, share: number, realTimeFactor: number): number {
  const perCore = Math.min(MAX_SLOTS_PER_CORE, BUSY_RATIO / realTimeFactor)
  return Math.max(1, Math.min(Math.floor(room.cores * share * perCore), slotsByMemory(room, share)))
}

const slotsByMemory = ({ availableBytes }: MachineRoom, share: number): number =>
  Math.floor((availableBytes * MEMORY_RATIO * share) / DECODER_BYTES)

/** Cores and free memory of this machine, or of the control group it is confined to. */
export async function machineRoom(root = ''): Promise<MachineRoom> {
  const [cpuMax, memoryMax, memoryUsed, memoryInfo] = await Promise.all(
    ['/sys/fs/cgroup/cpu.max', '/sys/fs/cgroup/memory.max', '/sys/fs/cgroup/memory.current', '/proc/meminfo'].map(
      (file) => readFile(root + file, 'utf8').catch(() => ''),
    ),
  )
  const cores = Math.min(availableParallelism(), cgroupCores(cpuMax ?? ''))
  const free = systemAvailableBytes(memoryInfo ?? '') ?? freemem()
  return { cores, availableBytes: Math.min(free, cgroupAvailableBytes(memoryMax ?? '', memoryUsed ?? '')) }
}

/** "200000 100000" is two cores; "max 100000" and anything unreadable is no limit. */
function cgroupCores(cpuMax: string): number {
  const [quota, period] = cpuMax.trim().split(' ').map(Number)
  const isLimited = quota !== undefined && period !== undefined && quota > 0 && period > 0
  return isLimited ? Math.max(1, Math.floor(quota / period)) : Number.POSITIVE_INFINITY
}

function cgroupAvailableBytes(max: string, current: string): number {
  const limit = Number.parseInt(max, 10)
  if (!Number.isFinite(limit)) return Number.POSITIVE_INFINITY
  const used = Number.parseInt(current, 10)
  return Math.max(0, limit - (Number.isFinite(used) ? used : 0))
}

function systemAvailableBytes(memoryInfo: string): number | undefined {
  const kilobytes = /^MemAvailable:\s+(\d+) kB/m.exec(memoryInfo)?.[1]
  return kilobytes === undefined ? undefined : Number(kilobytes) * 1024
}
