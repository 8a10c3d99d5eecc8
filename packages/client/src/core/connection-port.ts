// What a connection is told and what it tells: between the shell round the sockets and the sessions and watchers built on it.
import type {
  Abandoned,
  AudioEnded,
  AudioFormat,
  Caption,
  Hello,
  Polished,
  ServerMessage,
  Translation,
  TranslationFailed,
  Welcome,
} from '@parley/protocol'
import type { ConnectionState } from './connection-state.ts'
import type { ParleyClientError } from './errors.ts'
import type { SpeakNotice } from './speeches.ts'

export interface ConnectionOptions {
  readonly url: string
  /** Session ticket or watch token. */
  readonly token: string
  readonly audio?: AudioFormat
  readonly clientName: string
  readonly clientVersion: string
  /** From `open` to the welcome, ms. */
  readonly connectDeadlineMs: number
  /** False: a connection that breaks is lost. */
  readonly resume: boolean
}

/** What only the owner of the connection knows of its hello. */
export type HelloPart = Pick<Hello, 'udp' | 'subscriptions' | 'captions'> & {
  /** seq of the last event seen. */
  readonly seq: number
  /** End of the last final seen, media time. */
  readonly mediaMs: number
}

/** History and what concerns it, in the order of arrival. */
export type SessionEvent = Caption | Abandoned | AudioEnded | Translation | TranslationFailed | Polished
/** What else a pod tells whoever is connected. */
export type SessionNotice = Extract<ServerMessage, { type: (typeof NOTICE_TYPES)[number] | SpeakNotice['type'] }>

const EVENT_TYPES = ['caption', 'abandoned', 'audio.ended', 'translation', 'translation.failed', 'polished'] as const
const NOTICE_TYPES = [
  'watchers',
  'message',
  'subscribed',
  'microphone',
  'settled',
  'truncated',
  'captions.set',
  'voice.started',
  'voice.ended',
] as const
const SPEAK_TYPES: readonly string[] = [
  'speak.started',
  'speak.ended',
  'speak.cancelled',
] satisfies SpeakNotice['type'][]

export const isSessionEvent = (message: ServerMessage): message is SessionEvent =>
  (EVENT_TYPES as readonly string[]).includes(message.type)
export const isSessionNotice = (message: ServerMessage): message is SessionNotice =>
  (NOTICE_TYPES as readonly string[]).includes(message.type) || SPEAK_TYPES.includes(message.type)

/** One that may be replaced by a newer one of its utterance. */
export const isPartial = (event: SessionEvent): boolean =>
  event.type === 'caption' || event.type === 'translation'
    ? event.kind === 'partial'
    : event.type === 'polished' && event.seq === undefined

export interface ConnectionListener {
  hello(): HelloPart
  /** Before the state is told. `awayMs` since the connection before broke, undefined for the first. */
  onWelcome(welcome: Welcome, awayMs: number | undefined): void
  onState(state: ConnectionState): void
  onEvent(event: SessionEvent, receivedAtMs: number): void
  onNotice(notice: SessionNotice): void
  /** A binary message, while connected. What was wrong with it, if anything. */
  onBinary(message: Uint8Array): string | undefined
  /** The pod has read everything sent before the ping of this id. */
  onPong(id: number): void
  /** seq of the last frame there is for this connection, for the pod's lull check; undefined when it sends none. */
  lastSeq(): number | undefined
  /** Something was refused or failed; the connection goes on. */
  onError(error: ParleyClientError): void
  /** Every tick while not over: the moment to send what was held back. */
  onTick(nowMs: number): void
}
