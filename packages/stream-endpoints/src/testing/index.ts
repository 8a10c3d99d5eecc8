export { EndpointRig, type RigOptions, TestClient } from './endpoint-rig.ts'
export { SPELLED_SAMPLES, SpellingBackend, spelled } from './spelling-backend.ts'
export { TONE_RATE_HZ, ToneBackend, toneOf } from './tone-backend.ts'
