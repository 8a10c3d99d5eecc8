// The picture of `parley top`: a snapshot as lines of text of a given width. Pure; what writes them is screen.ts.
import { bar, type Style, table, visibleLength } from '../output/index.ts'
import { podLines } from './pods.ts'
import type { StageRow, StagesBlock, TopSnapshot } from './snapshot.ts'

export interface ViewOptions {
  /** Characters per line; nothing is longer. */
  readonly columns: number
  readonly style: Style
}

/** Below this the stage table leaves out what is nice to have. */
const WIDE_COLUMNS = 78

export function topLines(snapshot: TopSnapshot, options: ViewOptions): string[] {
  const { style, columns } = options
  const state = snapshot.isReady ? style.green('ready') : style.yellow(notReady(snapshot))
  const head = [style.bold('parley top'), snapshot.url, state, upFor(snapshot)].filter((part) => part !== '')
  const lines = [
    head.join('  '),
    '',
    ...podLines(snapshot.pods ?? [], snapshot.url, style),
    ...table(summaryRows(snapshot, options)),
    '',
    ...stageLines(snapshot.stages, options),
  ]
  return lines.map((line) => clip(line, columns))
}

const notReady = ({ failing }: TopSnapshot): string =>
  failing.length === 0 ? 'not ready' : `not ready: ${failing.join(', ')}`

function upFor({ uptimeMs }: TopSnapshot): string {
  if (uptimeMs === undefined) return ''
  const seconds = Math.floor(uptimeMs / 1000)
  if (seconds < 120) return `up ${seconds} s`
  return seconds < 7_200 ? `up ${Math.floor(seconds / 60)} min` : `up ${Math.floor(seconds / 3600)} h`
}

/** A name and the parts of its words; parts that do not fit on one line go on lines of their own. */
interface Summary {
  readonly name: string
  readonly parts: readonly string[]
}

const NAME_COLUMNS = 10

function summaryRows(snapshot: TopSnapshot, { style, columns }: ViewOptions): string[][] {
  const rows: string[][] = []
  for (const { name, parts } of summaries(snapshot, columns, style)) {
    const joined = parts.join(', ')
    const lines = visibleLength(joined) <= columns - NAME_COLUMNS ? [joined] : parts
    for (const [index, line] of lines.entries()) rows.push([style.cyan(index === 0 ? name : ''), line])
  }
  return rows
}

function summaries(snapshot: TopSnapshot, columns: number, style: Style): Summary[] {
  const { sessions, transport, speech, loop, memory, udpDrops } = snapshot
  const cells = columns < WIDE_COLUMNS ? 8 : 16
  const hue = loadHue(loop.utilisationRatio, snapshot.stages?.headroom.ceilingRatio ?? 0.8, style)
  const all: Summary[] = [
    {
      name: 'sessions',
      parts: [
        `${count(sessions.active)} active, ${sessions.opening} opening, ${sessions.suspended} suspended of ${count(sessions.seats)}`,
        `${count(sessions.watchers)} watchers, ${count(sessions.connections)} connections`,
      ],
    },
    {
      name: 'traffic',
      parts: [
        `${count(snapshot.audioFramesPerSecond)} frames/s in`,
        `${count(snapshot.messagesOutPerSecond)} messages/s out`,
      ],
    },
    { name: 'speech', parts: [`${speech.slotsUsed} of ${speech.slots} slots, ${speech.workers} workers`] },
    {
      name: 'loop',
      parts: [
        hue(bar(loop.utilisationRatio, cells)),
        `delay p50 ${loop.delayP50Ms.toFixed(1)} ms, p99 ${loop.delayP99Ms.toFixed(1)} ms`,
      ],
    },
    ...stagesSummaries(snapshot, columns, style),
    {
      name: 'memory',
      parts: [`${mib(memory.rssBytes)} MiB, heap ${mib(memory.heapUsedBytes)} of ${mib(memory.heapSizeBytes)} MiB`],
    },
  ]
  if (transport) all.splice(1, 0, { name: 'audio', parts: transportParts(transport) })
  if (udpDrops) {
    const words = `dropped by the kernel ${count(udpDrops.kernel)}, by the pod ${count(udpDrops.own)}`
    all.push({ name: 'udp', parts: [udpDrops.kernel > 0 ? style.red(words) : words] })
  }
  return all
}

function stagesSummaries({ stages, room }: TopSnapshot, columns: number, style: Style): Summary[] {
  const all: Summary[] = []
  if (stages) {
    const { agreement, headroom } = stages
    const words = `${percent(agreement.cpuRatio)} by CPU time, ${percent(agreement.loopActiveRatio)} by the loop`
    const meaning = wrap(agreement.meaning, columns - NAME_COLUMNS).map((line) => style.yellow(line))
    all.push({ name: 'cpu', parts: agreement.verdict === 'agrees' ? [words] : [words, ...meaning] })
    all.push({ name: 'cost', parts: [costWords(stages)] })
    all.push({
      name: 'headroom',
      parts: [`${percent(headroom.headroomRatio)} of the loop below ${percent(headroom.ceilingRatio)}`],
    })
  }
  if (room) all.push({ name: 'room', parts: [`${count(room.sessions)} more sessions; ${BOUND_WORDS[room.boundBy]}`] })
  return all
}

const BOUND_WORDS = {
  loop: 'the loop is full first',
  seats: 'seats run out first (sessions.seats)',
  slots: 'speech slots run out first',
} as const

function transportParts({ udpPerSecond, websocketPerSecond }: NonNullable<TopSnapshot['transport']>): string[] {
  const all = udpPerSecond + websocketPerSecond
  if (all === 0) return ['none at the moment']
  return [`${percent(udpPerSecond / all)} over UDP`, `${percent(websocketPerSecond / all)} over WebSocket`]
}

function costWords({ usPerSessionSecond, cpuUsPerSessionSecond }: StagesBlock): string {
  if (usPerSessionSecond === null) return 'no sessions'
  const cpu = cpuUsPerSessionSecond === null ? '' : `, CPU ${count(cpuUsPerSessionSecond)} us`
  return `loop ${count(usPerSessionSecond)} us per session-second${cpu}`
}

function stageLines(stages: StagesBlock | undefined, { columns, style }: ViewOptions): string[] {
  if (!stages) return ['this pod does not split its loop time']
  if (stages.windowMs === 0) return ['stages: measuring...']
  const isWide = columns >= WIDE_COLUMNS
  const cells = isWide ? 16 : 8
  const all = Object.entries(stages.byStage).filter(([, row]) => row.loopRatio > 0 || row.eventsPerSecond > 0)
  const sum = all.reduce((total, [, row]) => total + row.loopRatio, 0) || 1
  const heads = ['stage', 'share of busy time', 'loop', 'us/session', 'per second']
  const rows = all.map(([name, row]) => {
    const share = bar(row.loopRatio / sum, cells).padEnd(cells + 8)
    const base = [name, name === 'other' ? style.dim(share) : share, percent(row.loopRatio, 1).padStart(7)]
    return isWide ? [...base, usOf(row).padStart(10), rateOf(row).padStart(10)] : [...base, usOf(row).padStart(10)]
  })
  const shown = isWide ? heads : heads.slice(0, 4)
  const title = shown.map((head, column) => (column < 2 ? head : head.padStart(column === 2 ? 7 : 10)))
  const foot = `${percent(stages.explainedRatio)} explained; machine factor ${stages.machineFactor.toFixed(2)}; ${count(stages.turnsPerSecond)} turns/s`
  return [...table([title.map((cell) => style.bold(cell)), ...rows]), style.dim(foot)]
}

const usOf = ({ usPerSessionSecond }: StageRow): string =>
  usPerSessionSecond === null
    ? '-'
    : usPerSessionSecond < 10
      ? usPerSessionSecond.toFixed(1)
      : count(usPerSessionSecond)
const rateOf = ({ eventsPerSecond }: StageRow): string => (eventsPerSecond === 0 ? '-' : count(eventsPerSecond))

function loadHue(ratio: number, ceilingRatio: number, style: Style): (text: string) => string {
  if (ratio >= ceilingRatio) return style.red
  return ratio >= ceilingRatio * 0.75 ? style.yellow : style.green
}

const percent = (ratio: number, digits = 0): string => `${(ratio * 100).toFixed(digits)} %`
const mib = (bytes: number): string => String(Math.round(bytes / (1 << 20)))

/** Whole, with commas. */
const count = (value: number): string =>
  Math.round(value)
    .toString()
    .replace(/\B(?=(\d{3})+$)/g, ',')

/** Words on lines of at most `columns`. */
function wrap(text: string, columns: number): string[] {
  const lines: string[] = []
  let line = ''
  for (const word of text.split(' ')) {
    if (line !== '' && line.length + 1 + word.length > columns) {
      lines.push(line)
      line = word
    } else line = line === '' ? word : `${line} ${word}`
  }
  return [...lines, line]
}

const ESCAPE = '\u001b'

/** At most `columns` visible characters; colour is kept and closed. */
export function clip(text: string, columns: number): string {
  if (visibleLength(text) <= columns) return text
  let result = ''
  let seen = 0
  for (let at = 0; at < text.length; at++) {
    if (text[at] === ESCAPE) {
      const end = text.indexOf('m', at)
      result += text.slice(at, end + 1)
      at = end
    } else if (seen < columns) {
      result += text[at]
      seen++
    }
  }
  return result
}
