export { HEARS_CAPTIONS, FakeSlot, FakeSource, FakeSpeech, RecordingChannel } from './doubles.ts'
