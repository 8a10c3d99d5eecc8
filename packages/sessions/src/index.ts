/** The life of a session: state, admission, audio in, captions out, liveness. No sockets, no HTTP, no workers. */
export { type AdmissionDemand, admit, canonicalLanguage } from './admission.ts'
export { Audience, type WishesOfHello } from './audience.ts'
export { AudioIntake, type AudioLimits, type FrameVerdict, PACE_WINDOW_MS } from './audio-intake.ts'
export { CaptionFeed, REPLAYED_FINALS, type Replay, SETTLED_EVERY_MS, SETTLED_STEP_MS } from './caption-feed.ts'
export type { Ability, CaptionWishes } from './caption-wishes.ts'
export { MAX_SEQ_AHEAD, SETTLED_WORTH_MS } from './checkpoint.ts'
export { Conduct, type ConductLimits, type ConductVerdict, MAX_INVALID_MESSAGES, MAX_PACE_STRIKES } from './conduct.ts'
export { encodeServer } from './encode.ts'
export {
  EventHistory,
  type HistoryBudget,
  type HistoryEvent,
  type HistoryLimits,
  type HistoryPage,
  REPLAY_BYTES,
} from './event-history.ts'
export type { Hearing } from './hearing.ts'
export { judgeLiveness, type LivenessMarks, type LivenessPolicy, type LivenessVerdict } from './liveness.ts'
export { ASK_EVERY_MS, LOST_AFTER_ANSWERS, LULL_MS, LullWatch } from './lull-watch.ts'
export { OUTBOX_HIGH_WATER_BYTES, Outbox, type OutboxLimits, SPEECH_HIGH_WATER_BYTES, type Wire } from './outbox.ts'
export { type AudioTransport, END_WAIT_MS, OwnerAudio } from './owner-audio.ts'
export {
  type AudioChannel,
  type AudioSink,
  type CaptionSink,
  type FinalCaption,
  type HeldSlot,
  MICROPHONE_KEY,
  type MoveTarget,
  NO_KEY,
  NO_SPEECH,
  type OpenAudio,
  type PartialCaption,
  SETTLED_KEY,
  type SessionChannel,
  SPEECH_KEY,
  type Speaking,
  type SpeechRequest,
  type SpeechSink,
  type SpeechSource,
  type SpeechStart,
  type SpeechState,
  WATCHERS_KEY,
} from './ports.ts'
export { DEADLINE_BELIEF_MS } from './refinements.ts'
export { TELL_ABILITIES_MS } from './refining.ts'
export { type SeenByOwner, Session } from './session.ts'
export { countUp, newSessionCounters, type SessionCounters } from './session-counters.ts'
export type { ClosedSession, OwnerAttach, SessionHost, TextLimits } from './session-host.ts'
export { SessionRegistry } from './session-registry.ts'
export type { SessionPolicy, SessionState } from './session-state.ts'
export {
  onEnded,
  onJoined,
  onLost,
  onResumed,
  onTick,
  opening,
  type SessionEffect,
  type Transition,
} from './session-transitions.ts'
export type { SaidFinal, SessionIdentity, SessionWitness, WitnessedSession } from './session-witness.ts'
export { Speaker, type SpeakOrder } from './speaker.ts'
export { SPEECH_LEAD_MS, SPEECH_WINDOW_MS } from './speech-pace.ts'
export { EVERYTHING, onSubscribe, type Subscriptions, wantsMicrophone } from './subscriptions.ts'
export {
  type CaptionDesk,
  NO_TEXT,
  type RefinedCaption,
  type TextClient,
  type TextSink,
  type TextSource,
} from './text-port.ts'
export { UtteranceLog } from './utterance-log.ts'
export { MAX_BEHIND_FRAMES } from './voice-hearer.ts'
export { MAX_VOICE_WAITING_MS, VOICE_CHAR_MS } from './voices.ts'
export { MAX_WATCH_LINKS, WatchLinks } from './watch-links.ts'
