export { FakeSlot, RecordingChannel } from './doubles.ts'
