export { FakeSlot, FakeSource, FakeSpeech, HEARS_CAPTIONS, RecordingChannel } from './doubles.ts'
export { FakeDesk, FakeText } from './fake-text.ts'
