// What the operating system and V8 say about this process. Read on demand.

export interface ProcessStats {
  readonly cpuUserMs: number
  readonly cpuSystemMs: number
  readonly rssBytes: number
  readonly heapUsedBytes: number
  readonly heapSizeBytes: number
  readonly externalBytes: number
  readonly arrayBuffersBytes: number
}

export function readProcessStats(): ProcessStats {
  const cpu = process.cpuUsage()
  const memory = process.memoryUsage()
  return {
    cpuUserMs: cpu.user / 1000,
    cpuSystemMs: cpu.system / 1000,
    rssBytes: memory.rss,
    heapUsedBytes: memory.heapUsed,
    heapSizeBytes: memory.heapTotal,
    externalBytes: memory.external,
    arrayBuffersBytes: memory.arrayBuffers,
  }
}

/**
 * Open handles and requests of the event loop by kind (TCPSocketWrap, Timeout, ...); leak tests compare them. Walks them all:
 * for a scrape, not for a hot path.
 */
export function countOpenHandles(): Record<string, number> {
  const counts: Record<string, number> = {}
  for (const kind of process.getActiveResourcesInfo()) counts[kind] = (counts[kind] ?? 0) + 1
  return counts
}
