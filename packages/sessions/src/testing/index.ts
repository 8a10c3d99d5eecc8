export { FakeSlot, FakeSource, FakeSpeech, RecordingChannel } from './doubles.ts'
