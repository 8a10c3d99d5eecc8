// What a fake session is made with, what it hears, and where its frames beside the socket come from.
import type { UdpOffer } from '@parley/protocol'
import type { ScriptedUtterance } from './scripted-speech.ts'

/** Where frames beside the socket come from: opened with each attach that asks for it. */
export interface FakeUdpSource {
  /** `onFrame` gives the sample after the last one heard. Undefined: there is no UDP here. */
  open(onFrame: (seq: number, mediaTime: number, payload: Uint8Array) => number): FakeUdpChannel | undefined
}
export interface FakeUdpChannel {
  readonly offer: UdpOffer
  close(): void
}

export interface FakeSessionOptions {
  readonly language: string
  readonly script: readonly ScriptedUtterance[]
  readonly endpointMs: number
  readonly pingIntervalMs: number
  readonly deadAfterMs: number
  readonly speech: 'ready' | 'waiting'
  readonly entryUrl: string
  /** How long the session waits for its client, ms. */
  readonly graceMs: number
  /** Events sent again to a client that comes back; older ones it has to read by REST. */
  readonly replayEvents: number
  readonly audioPaceRatio: number | undefined
  readonly udp: FakeUdpSource | undefined
}

/** What is known of one frame that arrived. */
export interface HeardFrame {
  readonly seq: number
  readonly mediaTime: number
  readonly payload: Uint8Array
  readonly by: 'ws' | 'udp'
  /** Which attach it came with; 1 = the first. */
  readonly attach: number
}
