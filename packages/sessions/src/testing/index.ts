export { FakeSlot, FakeSource, FakeSpeech, HEARS_CAPTIONS, RecordingChannel } from './doubles.ts'
