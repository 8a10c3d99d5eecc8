/** The life of a session: state, admission, audio in, captions out, liveness. No sockets, no HTTP, no workers. */
export { type AdmissionDemand, admit, canonicalLanguage } from './admission.ts'
export { AudioIntake, type AudioLimits, type FrameVerdict, PACE_WINDOW_MS } from './audio-intake.ts'
export { CaptionFeed, REPLAYED_FINALS } from './caption-feed.ts'
export { Conduct, type ConductLimits, type ConductVerdict, MAX_INVALID_MESSAGES, MAX_PACE_STRIKES } from './conduct.ts'
export { encodeServer } from './encode.ts'
export { EventHistory, HISTORY_BYTES, type HistoryEvent } from './event-history.ts'
export { judgeLiveness, type LivenessMarks, type LivenessPolicy, type LivenessVerdict } from './liveness.ts'
export { OUTBOX_HIGH_WATER_BYTES, Outbox, type OutboxLimits, type Wire } from './outbox.ts'
export {
  type AudioSink,
  type CaptionSink,
  type FinalCaption,
  type HeldSlot,
  NO_KEY,
  type OpenAudio,
  type PartialCaption,
  type SessionChannel,
  SPEECH_KEY,
  type SpeechState,
  WATCHERS_KEY,
} from './ports.ts'
export { Session, type SessionHost, type SessionIdentity } from './session.ts'
export { countUp, newSessionCounters, type SessionCounters } from './session-counters.ts'
export { SessionRegistry } from './session-registry.ts'
export type { SessionPolicy, SessionState } from './session-state.ts'
export {
  onEnded,
  onJoined,
  onLost,
  onTick,
  opening,
  type SessionEffect,
  type Transition,
} from './session-transitions.ts'
export { UtteranceLog } from './utterance-log.ts'
export { MAX_WATCH_LINKS, WatchLinks } from './watch-links.ts'
