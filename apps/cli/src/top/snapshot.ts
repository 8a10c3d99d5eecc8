// What `parley top` shows, picked from the admin listener's health. Every part of the answer may be absent: an older pod, a pod without UDP,
// one that starts. Pure.

/** The parts of /health that are read here. */
export interface TopHealth {
  readonly status?: string
  readonly version?: string
  readonly uptimeMs?: number
  readonly checks?: Readonly<Record<string, string>>
  readonly loop?: {
    readonly utilisationRatio?: number
    readonly delayP50Ms?: number
    readonly delayP99Ms?: number
    readonly delayMaxMs?: number
  }
  readonly memory?: Readonly<Record<'rssBytes' | 'heapUsedBytes' | 'heapSizeBytes' | 'externalBytes', number>>
  readonly sessions?: Readonly<Record<string, unknown>>
  readonly speech?: Readonly<Record<string, unknown>>
  readonly throughput?: Readonly<Record<string, number>>
  readonly udp?: Readonly<Record<string, unknown>>
  readonly stages?: StagesBlock
}

/** `stages` of /health. */
export interface StagesBlock {
  readonly windowMs: number
  readonly loopActiveRatio: number
  readonly explainedRatio: number
  readonly machineFactor: number
  readonly turnsPerSecond: number
  readonly byStage: Readonly<Record<string, StageRow>>
  readonly usPerSessionSecond: number | null
  readonly cpuUsPerSessionSecond: number | null
  readonly headroom: {
    readonly ceilingRatio: number
    readonly headroomRatio: number
    readonly sessionsThatFit: number | null
  }
  readonly agreement: {
    readonly loopActiveRatio: number
    readonly cpuRatio: number
    readonly differenceRatio: number
    readonly verdict: string
    readonly meaning: string
  }
}

export interface StageRow {
  readonly loopRatio: number
  readonly handlerRatio: number
  readonly usPerSessionSecond: number | null
  readonly eventsPerSecond: number
}

export interface TopSnapshot {
  readonly url: string
  readonly pid: number
  readonly isReady: boolean
  readonly failing: readonly string[]
  readonly version: string | undefined
  readonly uptimeMs: number | undefined
  readonly sessions: {
    readonly opening: number
    readonly active: number
    readonly suspended: number
    readonly seats: number
    readonly watchers: number
    readonly connections: number
  }
  /** Audio frames per second by the way they take; undefined when the pod does not say. */
  readonly transport: { readonly udpPerSecond: number; readonly websocketPerSecond: number } | undefined
  readonly speech: { readonly workers: number; readonly slots: number; readonly slotsUsed: number }
  readonly loop: { readonly utilisationRatio: number; readonly delayP50Ms: number; readonly delayP99Ms: number }
  readonly memory: { readonly rssBytes: number; readonly heapUsedBytes: number; readonly heapSizeBytes: number }
  readonly audioFramesPerSecond: number
  readonly messagesOutPerSecond: number
  /** Since the pod's start; undefined without a UDP socket. */
  readonly udpDrops: { readonly kernel: number; readonly own: number } | undefined
  readonly stages: StagesBlock | undefined
  /** Of several pods: all of them, this one included. */
  readonly pods?: readonly PodLine[]
  /** What bounds further sessions first, and how many that leaves; undefined while nothing is known. */
  readonly room: { readonly sessions: number; readonly boundBy: 'loop' | 'seats' | 'slots' } | undefined
}

/** A pod of several. */
export interface PodLine {
  readonly name: string
  readonly url: string
  /** Undefined while it does not answer. */
  readonly snapshot: TopSnapshot | undefined
}

export interface Platform {
  readonly url: string
  readonly pid: number
}

export function snapshotOf(platform: Platform, isReady: boolean, health: TopHealth): TopSnapshot {
  const { sessions = {}, speech = {}, loop = {}, throughput = {} } = health
  const counts = {
    opening: numberOf(sessions.opening),
    active: numberOf(sessions.active),
    suspended: numberOf(sessions.suspended),
    seats: numberOf(sessions.seats),
    watchers: numberOf(sessions.watchers),
    connections: numberOf(sessions.connections),
  }
  const slots = {
    workers: numberOf(speech.workers),
    slots: numberOf(speech.slots),
    slotsUsed: numberOf(speech.slotsUsed),
  }
  return {
    url: platform.url,
    pid: platform.pid,
    isReady,
    failing: Object.entries(health.checks ?? {}).flatMap(([name, outcome]) => (outcome === 'ok' ? [] : [name])),
    version: health.version,
    uptimeMs: health.uptimeMs,
    sessions: counts,
    transport: transportOf(throughput),
    speech: slots,
    loop: {
      utilisationRatio: health.stages?.loopActiveRatio ?? numberOf(loop.utilisationRatio),
      delayP50Ms: numberOf(loop.delayP50Ms),
      delayP99Ms: numberOf(loop.delayP99Ms),
    },
    memory: {
      rssBytes: numberOf(health.memory?.rssBytes),
      heapUsedBytes: numberOf(health.memory?.heapUsedBytes),
      heapSizeBytes: numberOf(health.memory?.heapSizeBytes),
    },
    audioFramesPerSecond: numberOf(throughput.audioFramesPerSecond),
    messagesOutPerSecond: numberOf(throughput.messagesOutPerSecond),
    udpDrops: dropsOf(health.udp),
    stages: health.stages,
    room: roomOf(counts, slots, health.stages),
  }
}

function transportOf(throughput: Readonly<Record<string, number>>): TopSnapshot['transport'] {
  const { audioFramesPerSecond, audioFramesUdpPerSecond } = throughput
  if (audioFramesPerSecond === undefined || audioFramesUdpPerSecond === undefined) return undefined
  return {
    udpPerSecond: audioFramesUdpPerSecond,
    websocketPerSecond: Math.max(0, audioFramesPerSecond - audioFramesUdpPerSecond),
  }
}

function dropsOf(udp: TopHealth['udp']): TopSnapshot['udpDrops'] {
  if (!udp || udp.isEnabled === false) return undefined
  const dropped = udp.droppedTotal
  const own =
    typeof dropped === 'object' && dropped !== null
      ? Object.values(dropped).reduce((sum: number, value) => sum + numberOf(value), 0)
      : numberOf(dropped)
  return { kernel: numberOf(udp.kernelDropsTotal), own }
}

function roomOf(
  { seats, opening, active, suspended }: TopSnapshot['sessions'],
  { slots, slotsUsed }: TopSnapshot['speech'],
  stages: StagesBlock | undefined,
): TopSnapshot['room'] {
  const fits = stages?.headroom.sessionsThatFit
  const bounds: { readonly sessions: number; readonly boundBy: 'loop' | 'seats' | 'slots' }[] = []
  if (typeof fits === 'number') bounds.push({ sessions: fits, boundBy: 'loop' })
  if (seats > 0) bounds.push({ sessions: Math.max(0, seats - opening - active - suspended), boundBy: 'seats' })
  if (slots > 0) bounds.push({ sessions: Math.max(0, slots - slotsUsed), boundBy: 'slots' })
  return bounds.toSorted((a, b) => a.sessions - b.sessions)[0]
}

const numberOf = (value: unknown): number => (typeof value === 'number' && Number.isFinite(value) ? value : 0)
