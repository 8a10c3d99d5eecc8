/** A pod to test against: `startFakePod`. Node only. */
export { FakeCaptions, fakePolish, fakeTranslation } from './fake-captions.ts'
export { type FakePage, type FakePod, type FakePodOptions, type RefusalPoint, startFakePod } from './fake-pod.ts'
export { FakeSession } from './fake-session.ts'
export type { FakeSessionOptions, HeardFrame } from './fake-session-types.ts'
export type { FakeUdp } from './fake-udp.ts'
export { FAKE_SPEECH_RATE_HZ, FAKE_VOICE, FakeVoice, fakeSpeechOf } from './fake-voice.ts'
export { type ScriptedEvent, ScriptedSpeech, type ScriptedUtterance, scriptOf } from './scripted-speech.ts'
