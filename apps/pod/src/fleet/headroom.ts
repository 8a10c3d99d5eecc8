// How much room a pod has left of each resource, and what of that placement goes by. Pure: two readings in, ratios out.

/** One reading of what a pod uses. Totals rise. */
export interface LoadReading {
  /** Busy share of the main loop over its last window; undefined before there was one. */
  readonly loopUtilisationRatio: number | undefined
  /** Idle and total time of all cores of the machine since it started, ms; undefined where that cannot be read. */
  readonly machineIdleMs: number | undefined
  readonly machineTotalMs: number | undefined
  readonly rssBytes: number
  /** What the process may still take before it meets its limit or the machine's. */
  readonly availableBytes: number
  readonly sockets: number
  readonly maxSockets: number
  /** Streams the connected workers have places for, all pods together, and those taken. */
  readonly slots: number
  readonly slotsUsed: number
  readonly udpPacketsTotal: number
  /** Packets lost on this machine: for want of buffer in the kernel or in the ring. */
  readonly udpLostTotal: number
}

/** 0 = at its bound, 1 = idle. A resource that could not be measured is not there. */
export type HeadroomRatios = Readonly<Record<string, number>>

/** Resources whose end is an end: memory, sockets. The others recover as load passes, and have an admission of their own or a rating. */
const HARD: readonly string[] = ['memory', 'sockets']
/** Above this much headroom a resource says nothing about where a session is better off. */
const AMPLE_RATIO = 0.5
/** Placement as if no resource mattered: more than any share of seats, also with a whole pod of young sessions subtracted. */
export const AMPLE_PLACING_RATIO = 2
/** Sessions that are placed on a pod between two of its reports however busy it is: so many, or a tenth of its rating. */
const SEATS_PER_REPORT = 20
const LEAST_RATIO = 0.1
/** Of what the directory subtracts for young sessions this much is added again: they do not refuse, and of pods alike the one with fewer is better. */
const YOUNG_RATIO = 0.95
/** Share of lost packets at which UDP counts as used up. */
const UDP_LOSS_BOUND_RATIO = 0.1

export function headroomOf(before: LoadReading, now: LoadReading): HeadroomRatios {
  const all: Record<string, number | undefined> = {
    loop: now.loopUtilisationRatio === undefined ? undefined : 1 - now.loopUtilisationRatio,
    cpu: idleRatio(before, now),
    memory: now.availableBytes / (now.availableBytes + now.rssBytes),
    sockets: 1 - now.sockets / now.maxSockets,
    slots: now.slots > 0 ? 1 - now.slotsUsed / now.slots : undefined,
    udp: udpRatio(before, now),
  }
  return Object.fromEntries(
    Object.entries(all).flatMap(([name, ratio]) =>
      ratio === undefined || !Number.isFinite(ratio)
        ? []
        : [[name, Number(Math.min(1, Math.max(0, ratio)).toFixed(3))]],
    ),
  )
}

function idleRatio(before: LoadReading, now: LoadReading): number | undefined {
  if (now.machineIdleMs === undefined || before.machineIdleMs === undefined) return undefined
  const totalMs = (now.machineTotalMs ?? 0) - (before.machineTotalMs ?? 0)
  return totalMs > 0 ? (now.machineIdleMs - before.machineIdleMs) / totalMs : undefined
}

function udpRatio(before: LoadReading, now: LoadReading): number {
  const lost = now.udpLostTotal - before.udpLostTotal
  const packets = now.udpPacketsTotal - before.udpPacketsTotal + lost
  return lost <= 0 ? 1 : 1 - lost / packets / UDP_LOSS_BOUND_RATIO
}

export interface PodSeats {
  readonly ratedSeats: number
  /** Sessions too young to show in the headroom; the directory subtracts them. */
  readonly warmingSeats: number
  /** Nobody else could take a session instead. */
  readonly isAlone: boolean
}

/**
 * What placement goes by: more than any share of seats while every resource has ample room, so that seats alone decide. What is scarce counts twice over, so that it
 * reaches nothing at its bound and meets "ample" at half. A busy loop, processor or worker makes a pod less attractive and never refuses by
 * itself: the rating and the slots bound those, exactly and without the age of a report.
 */
export function placingRatioOf(headroom: HeadroomRatios, seats: PodSeats): number {
  const { ratedSeats, warmingSeats, isAlone } = seats
  const floor = Math.min(1, Math.max(LEAST_RATIO, SEATS_PER_REPORT / ratedSeats))
  const young = (YOUNG_RATIO * warmingSeats) / ratedSeats
  let least = AMPLE_PLACING_RATIO
  for (const [name, ratio] of Object.entries(headroom)) {
    const isHard = HARD.includes(name)
    if (ratio >= AMPLE_RATIO || (isAlone && !isHard)) continue
    // In tenths: less is noise, and where resources are alike seats decide.
    const steering = Math.max(floor, Math.ceil((10 * ratio) / AMPLE_RATIO) / 10) + young
    least = Math.min(least, isHard ? ratio / AMPLE_RATIO : steering)
  }
  return least
}
