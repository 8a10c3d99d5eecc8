/** What the client is made of, wherever it runs. No DOM, no node: imports. */
export { type ApiOptions, type ClientCredential, ParleyApi } from './api.ts'
export { type FrameEncoder, KEPT_AUDIO_MS, MAX_HELD_AUDIO_MS } from './audio-out.ts'
export type { Transport, TransportStats } from './audio-route.ts'
export type { CaptionWish } from './captions.ts'
export { CAPTURE_PROBLEMS, CaptureError, type CaptureProblem, captureError } from './capture-problems.ts'
export type { MissedEvents } from './catch-up.ts'
export { type ConnectionKind, type ConnectionState, isConnected, isOver } from './connection-state.ts'
export { createSessionOn } from './create-session.ts'
export { type ClientErrorDetails, ParleyClientError } from './errors.ts'
export { LagTracker, lagMs, lastFrameStartMs } from './lag.ts'
export type {
  ClientPlatform,
  ClientSocket,
  DatagramListener,
  DatagramPath,
  DatagramStats,
  HttpAnswer,
  HttpRequest,
  OpenDatagrams,
  OpenSocket,
  SendHttp,
  SocketListener,
} from './platform.ts'
export { MAX_ANSWER_BYTES } from './platform.ts'
export type { CaptionsInForce, ReceivedPolish, ReceivedTranslation, RefinedEvents } from './refined.ts'
export type { Seen } from './seen.ts'
export { ParleySession } from './session.ts'
export {
  DEFAULT_AUDIO,
  type PlaceOptions,
  type ReceivedCaption,
  type Resumed,
  type SessionEvents,
  type SessionOptions,
  type SessionStats,
} from './session-types.ts'
export type {
  ParleySpeech,
  SpeakOptions,
  SpeechAudio,
  SpeechEvents,
  SpeechOutcome,
  SpeechStarted,
} from './spoken-text.ts'
export { SharedTicker, sharedTicker, type Ticker } from './ticker.ts'
export { CLIENT_NAME, CLIENT_VERSION } from './version.ts'
export type { ParleyVoice, Unsaid } from './voices.ts'
export { ParleyWatcher, type WatcherEvents, type WatchOptions } from './watcher.ts'
