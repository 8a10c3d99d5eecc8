// What `parley impair` says to a person: the network in a sentence, cuts as they come, one line of status, the summary. Pure.
import {
  type CutChange,
  type CutState,
  type DirectionReport,
  DROP_REASONS,
  type DropReason,
  type Impairment,
  type LinkImpairment,
  type RelayReport,
} from '@parley/lab'

export function duration(ms: number): string {
  if (ms < 1_000) return `${Math.round(ms)} ms`
  if (ms < 60_000) return `${Number((ms / 1_000).toFixed(1))} s`
  return `${Number((ms / 60_000).toFixed(1))} min`
}

export const share = (ratio: number): string => `${Number((ratio * 100).toFixed(1))} %`

function rate(bitsPerSecond: number): string {
  if (bitsPerSecond >= 1e6) return `${Number((bitsPerSecond / 1e6).toFixed(1))} Mbit/s`
  return `${Number((bitsPerSecond / 1e3).toFixed(1))} kbit/s`
}

/** `1:02.5` since the start. */
export function instant(ms: number): string {
  const seconds = (ms % 60_000) / 1_000
  return `${Math.floor(ms / 60_000)}:${seconds.toFixed(1).padStart(4, '0')}`
}

function burstWords(burst: NonNullable<LinkImpairment['burst']>): string {
  switch (burst.kind) {
    case 'periodic':
      return `a burst of ${duration(burst.burstMs)} in every ${duration(burst.everyMs)}`
    case 'random':
      return `${share(burst.lossRatio)} lost in bursts of about ${duration(burst.meanBurstMs)}`
    case 'randomPackets':
      return `${share(burst.lossRatio)} lost in bursts of about ${burst.meanBurstPackets} packets`
  }
}

function linkWords(link: LinkImpairment): string {
  const words: string[] = []
  if (link.lossRatio > 0) words.push(`${share(link.lossRatio)} lost`)
  if (link.burst) words.push(burstWords(link.burst))
  if (link.delayMs > 0) words.push(`${duration(link.delayMs)} delay`)
  if (link.jitterMs > 0) words.push(`${duration(link.jitterMs)} jitter (${link.jitterShape})`)
  if (link.reorderRatio > 0) words.push(`${share(link.reorderRatio)} held back by ${duration(link.reorderByMs)}`)
  if (link.duplicateRatio > 0) words.push(`${share(link.duplicateRatio)} doubled`)
  if (link.rateBitsPerSecond !== undefined) words.push(rate(link.rateBitsPerSecond))
  return words.length === 0 ? 'as it is' : words.join(', ')
}

const WHAT = { both: 'TCP and UDP', tcp: 'TCP', udp: 'UDP' } as const
const HOW = { reset: 'connections reset', silent: 'in silence' } as const

/** Lines that say what the network is like. */
export function networkLines({ up, down, cuts, periodicCuts }: Impairment): string[] {
  const [upWords, downWords] = [linkWords(up), linkWords(down)]
  const lines = upWords === downWords ? [`both ways: ${upWords}`] : [`up:   ${upWords}`, `down: ${downWords}`]
  for (const { what, how, atMs, forMs } of cuts) {
    lines.push(`cut:  ${WHAT[what]} after ${duration(atMs)} for ${duration(forMs)}, ${HOW[how]}`)
  }
  for (const { what, how, everyMs, forMs } of periodicCuts) {
    lines.push(`cut:  ${WHAT[what]} every ${duration(everyMs)} for ${duration(forMs)}, ${HOW[how]}`)
  }
  return lines
}

/** `0:10.0  cut: TCP and UDP, in silence, for 3 s`, or what came back. */
export function cutWords({ kind, cut, atMs }: CutChange): string {
  if (kind === 'ended') return `${instant(atMs)}  back: ${WHAT[cut.what]}, after ${duration(atMs - cut.fromMs)}`
  const manner = cut.how === 'reset' && cut.what !== 'udp' ? HOW.reset : HOW.silent
  const end = Number.isFinite(cut.untilMs) ? `for ${duration(cut.untilMs - cut.fromMs)}` : 'until healed'
  return `${instant(atMs)}  cut: ${WHAT[cut.what]}, ${manner}, ${end}`
}

const droppedOf = ({ dropped }: DirectionReport): number =>
  DROP_REASONS.reduce((sum, reason) => sum + dropped[reason], 0)

function directionStatus(name: string, report: DirectionReport): string {
  const lost = report.packets === 0 ? '' : `, ${share(droppedOf(report) / report.packets)} lost`
  return `${name} ${report.packets} packets${lost}, ${Math.round(report.tcpBytes / 1_000)} kB TCP`
}

const stateWords = ({ tcp, udp }: CutState): string => {
  if (tcp === 'open' && udp === 'open') return 'open'
  return `CUT (${[tcp === 'open' ? '' : 'TCP', udp === 'open' ? '' : 'UDP'].filter(Boolean).join(', ')})`
}

export function statusLine(report: RelayReport, state: CutState, elapsedMs: number, keys: string): string {
  const parts = [
    `${instant(elapsedMs)} ${stateWords(state)}`,
    directionStatus('up', report.up),
    directionStatus('down', report.down),
    ...(keys === '' ? [] : [keys]),
  ]
  return parts.join(' | ')
}

const REASON_WORDS: Readonly<Record<DropReason, string>> = {
  loss: 'by loss',
  burst: 'in bursts',
  queue: 'for want of room in the queue',
  cut: 'in cuts',
  flows: 'from one source too many',
  memory: 'because too much was delayed',
  unsent: 'by the system',
}

function directionSummary(name: string, report: DirectionReport): string[] {
  const lines: string[] = []
  const { packets, dropped } = report
  if (packets > 0) {
    const reasons = DROP_REASONS.filter((reason) => dropped[reason] > 0).map(
      (reason) => `${dropped[reason]} ${REASON_WORDS[reason]}`,
    )
    const lost = `${droppedOf(report)} lost (${share(droppedOf(report) / packets)})`
    lines.push(`${name} UDP: ${packets} packets, ${lost}${reasons.length > 0 ? `: ${reasons.join(', ')}` : ''}`)
    lines.push(
      `${' '.repeat(name.length)}      ${report.delayed} delayed, ${report.reordered} overtaken, ${report.duplicated} doubled`,
    )
  }
  if (report.tcpBytes > 0) {
    const late = report.tcpRetransmitted > 0 ? `, ${report.tcpRetransmitted} pieces late as if sent again` : ''
    lines.push(`${name} TCP: ${report.tcpBytes} bytes in, ${report.tcpDeliveredBytes} out${late}`)
  }
  return lines
}

export function summaryLines(report: RelayReport, elapsedMs: number): string[] {
  const { cutsTotal, tcpConnectionsTotal, tcpResetTotal, tcpRefusedTotal, tcpUnreachableTotal, udpFlowsTotal } = report
  const connections = [
    `${tcpConnectionsTotal} TCP connections`,
    ...(tcpResetTotal > 0 ? [`${tcpResetTotal} reset`] : []),
    ...(tcpRefusedTotal > 0 ? [`${tcpRefusedTotal} turned away`] : []),
    ...(tcpUnreachableTotal > 0 ? [`${tcpUnreachableTotal} found nobody`] : []),
  ]
  const cuts = cutsTotal === 1 ? '1 cut' : `${cutsTotal} cuts`
  const sources = udpFlowsTotal === 1 ? '1 UDP source' : `${udpFlowsTotal} UDP sources`
  return [
    `${duration(elapsedMs)}, ${cuts}; ${connections.join(', ')}; ${sources}`,
    ...directionSummary('up', report.up),
    ...directionSummary('down', report.down),
  ]
}
