// One speaker on a bad network: a relay of its own between the real client and a real platform, and what came of it.
import assert from 'node:assert/strict'
import type { ParleySession, Resumed, SessionOptions, Transport } from '@parley/client'
import { systemClock } from '@parley/kernel'
import { type Address, type ImpairmentOptions, type Relay, type RelayReport, startRelay } from '@parley/lab'
import { wordErrors, words } from '../../../benchmarks/lib/stats.ts'
import { adminGet, type Platform } from '../../lib/platform.ts'
import { createSessionWhenRoom, type Heard, type Recording, speak } from '../../lib/speaker.ts'

interface Health {
  readonly udp?: { readonly port?: number }
  readonly sessions?: { readonly truncatedTotal?: number }
}

/** What the admin listener of `platform` says of its health. */
export const healthOf = (platform: Platform): Promise<Health> => adminGet(platform, '/health')

/** The UDP port that the platform's health names; undefined when it takes none. */
export const udpPortOf = async (platform: Platform): Promise<number | undefined> => (await healthOf(platform)).udp?.port

export interface BadDay {
  readonly name: string
  readonly impairment?: ImpairmentOptions
  readonly seed?: number
  /** Audio over UDP when the platform takes it; true unless told. */
  readonly udp?: boolean
  /** Called with each frame, about every 20 ms of media time. */
  readonly during?: (mediaMs: number, relay: Relay, session: ParleySession) => void
  readonly options?: Partial<SessionOptions>
}

export interface Outcome {
  readonly name: string
  readonly heard: Heard
  readonly transports: readonly Transport[]
  readonly resumed: readonly Resumed[]
  readonly errors: readonly string[]
  /** Errors in words and words said. */
  readonly wordErrors: number
  readonly saidWords: number
  readonly report: RelayReport
  readonly stats: ParleySession['stats']
}

export const textOf = ({ finals }: Heard): string => finals.map((final) => final.text).join(' ')
export const wordErrorRatio = (outcome: Outcome): number => outcome.wordErrors / outcome.saidWords

/** What a session says until it is over, kept. */
function listen(session: ParleySession) {
  const [transports, resumed, errors]: [Transport[], Resumed[], string[]] = [[], [], []]
  session.on('transport', (transport) => transports.push(transport))
  session.on('resumed', (event) => resumed.push(event))
  session.on('error', (error) => errors.push(error.code))
  return { transports, resumed, errors }
}

export interface Connected {
  readonly session: ParleySession
  readonly relay: Relay
  readonly kept: ReturnType<typeof listen>
  close(): Promise<void>
}

/** A session through a relay of its own, connected. Always `close()` it. */
export async function connectThroughRelay(
  platform: Platform,
  udpPort: number | undefined,
  day: BadDay,
): Promise<Connected> {
  const { hostname, port } = new URL(platform.url)
  const tcpTo: Address = { host: hostname, port: Number(port) }
  const { impairment = {}, seed = 1 } = day
  const usesUdp = (day.udp ?? true) && udpPort !== undefined
  const relay = await startRelay({
    clock: systemClock,
    seed,
    tcp: { to: tcpTo },
    ...(usesUdp ? { udp: { to: { host: hostname, port: udpPort } } } : {}),
  })
  try {
    const { host, port: relayPort } = relay.tcp as Address
    const session = await createSessionWhenRoom({
      url: `http://${host}:${relayPort}`,
      apiKey: platform.apiKey,
      user: day.name,
      ...(usesUdp ? { udpEndpoint: relay.udp as Address } : { udp: 'off' }),
      ...day.options,
    })
    const kept = listen(session)
    await session.connect()
    // A bad day begins when the talk does: how a client gets in is another matter.
    relay.setImpairment(impairment)
    const close = async () => {
      relay.setImpairment({})
      relay.heal()
      await session.close()
      await relay.close()
    }
    return { session, relay, kept, close }
  } catch (error) {
    await relay.close()
    throw error
  }
}

/** Speaks `recording` on a bad day, to the end. */
export async function spend(
  platform: Platform,
  udpPort: number | undefined,
  recording: Recording,
  day: BadDay,
): Promise<Outcome> {
  const { session, relay, kept, close } = await connectThroughRelay(platform, udpPort, day)
  try {
    const spoken = speak(session, recording.samples, (mediaMs) => day.during?.(mediaMs, relay, session))
    const heard = await spoken.catch((cause: unknown) => {
      const facts = { state: session.state, stats: session.stats, transports: kept.transports, report: relay.report() }
      throw new Error(`${day.name}: ${String(cause)}: ${JSON.stringify(facts)}`, { cause })
    })
    const said = words(recording.sentences.map(({ text }) => text).join(' '))
    const outcome: Outcome = {
      name: day.name,
      heard,
      ...kept,
      wordErrors: wordErrors(said, words(textOf(heard))),
      saidWords: said.length,
      report: relay.report(),
      stats: session.stats,
    }
    return outcome
  } finally {
    await close()
  }
}

/** The middle of the `index`-th sentence, ms of media time. */
export function midOf({ sentences }: Recording, index: number): number {
  const sentence = sentences[index]
  if (!sentence) throw new RangeError(`the recording has no sentence ${index}`)
  return (sentence.startMs + sentence.endMs) / 2
}

/** Every utterance has one final, in the order in which they were said, and none overlaps another. */
export function assertFinalsOnce({ name, heard: { finals } }: Pick<Outcome, 'name' | 'heard'>): void {
  for (const [place, final] of finals.entries()) {
    const before = finals[place - 1]
    if (!before) continue
    assert.ok(final.index > before.index, `${name}: final ${final.index} came after ${before.index}`)
    assert.ok(final.startMs >= before.endMs - 20, `${name}: utterance ${final.index} overlaps the one before`)
  }
}

/** Calls `fn` once, with the first frame at or after `atMs` of media time. */
export function once(atMs: number, fn: (relay: Relay, session: ParleySession) => void): NonNullable<BadDay['during']> {
  let isDone = false
  return (mediaMs, relay, session) => {
    if (isDone || mediaMs < atMs) return
    isDone = true
    fn(relay, session)
  }
}

/** One line per outcome, for whoever reads the run. */
export function describeOutcome(outcome: Outcome): string {
  const { name, transports, resumed, stats, report, errors } = outcome
  const dropped = Object.entries(report.up.dropped).filter(([, count]) => count > 0)
  const parts = [
    `${name}: ${outcome.wordErrors} of ${outcome.saidWords} words wrong (${(wordErrorRatio(outcome) * 100).toFixed(1)} %)`,
    `${outcome.heard.finals.length} finals`,
    `up ${report.up.packets} packets, dropped ${dropped.map(([reason, count]) => `${reason} ${count}`).join(', ') || 'none'}`,
    `${report.up.reordered} overtaken, ${report.up.duplicated} doubled`,
    `transports ${transports.map(({ kind, reason }) => `${kind} (${reason})`).join(' > ')}`,
    `resumed ${resumed.map(({ awayMs, resentMs, lostMs }) => `${Math.round(awayMs)}/${resentMs}/${lostMs}`).join(' ') || 'never'}`,
    `sent again ${stats.resentMs} ms`,
    ...(errors.length > 0 ? [`errors ${errors.join(' ')}`] : []),
  ]
  return parts.join('; ')
}
