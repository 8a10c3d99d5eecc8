/** Parley's client for browsers: sessions, watching, microphone. Node: `@parley/client`. */
import {
  type ApiOptions,
  createSessionOn,
  ParleyApi,
  type ParleySession,
  ParleyWatcher,
  type SessionOptions,
  type WatchOptions,
} from '../core/index.ts'
import { type BrowserOptions, browserPlatform } from './browser-platform.ts'

export type {
  Abandoned,
  AudioEnded,
  AudioFormat,
  Caption,
  Polished,
  PolishMode,
  Translation,
  TranslationFailed,
  UserMessage,
  UtteranceId,
  Welcome,
} from '@parley/protocol'
export * from '../core/index.ts'
export { type BrowserOptions, browserPlatform } from './browser-platform.ts'
export { type CaptureSink, preferredFormat } from './capture-codec.ts'
export {
  Microphone,
  type MicrophoneEvents,
  type MicrophoneLevel,
  type MicrophoneOptions,
  openMicrophone,
} from './microphone.ts'
export { type PlaySampleOptions, playSample, type SamplePlayback } from './play-sample.ts'
export { type PlaySpeechOptions, playSpeech, type SpeechPlayback } from './play-speech.ts'

/** `apiKey` is left out on purpose: a key in a page is everybody's. */
export type BrowserSessionOptions = Omit<SessionOptions, 'apiKey'> & BrowserOptions

/** Reserves a session. Subscribe to its events, then `connect`. Rejects with ParleyClientError. */
export function createSession(options: BrowserSessionOptions): Promise<ParleySession> {
  return createSessionOn(browserPlatform(options), options)
}

/** Follows a session by its watch link, read only. Subscribe to its events, then `connect`. */
export function watch(options: WatchOptions & BrowserOptions): ParleyWatcher {
  return new ParleyWatcher(browserPlatform(options), options)
}

/** The REST surface alone: page session, watch links. */
export function parleyApi(options: Omit<ApiOptions, 'apiKey'> & BrowserOptions): ParleyApi {
  return new ParleyApi(browserPlatform(options), options)
}
