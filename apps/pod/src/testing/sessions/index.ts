export { ManualSpeech, ManualStream } from './manual-speech.ts'
export { PlainTokens } from './plain-tokens.ts'
export { ADMIN, PCM16, type SessionHarness, sessionConfig, startSessions } from './session-harness.ts'
export { TestClient } from './test-client.ts'
