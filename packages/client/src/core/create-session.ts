// A session is reserved by REST first; what it is asked for is checked before anything is sent.
import { ParleyApi } from './api.ts'
import { resolveAudio } from './audio-choice.ts'
import type { ClientPlatform } from './platform.ts'
import { ParleySession } from './session.ts'
import type { SessionOptions } from './session-types.ts'

/** Reserves a session on the platform. Subscribe to its events, then `connect`. Rejects with ParleyClientError. */
export async function createSessionOn(platform: ClientPlatform, options: SessionOptions): Promise<ParleySession> {
  resolveAudio(options)
  const api = new ParleyApi(platform, options)
  const { language, user, metadata } = options
  const created = await api.createSession({
    ...(language === undefined ? {} : { language }),
    ...(user === undefined ? {} : { user }),
    ...(metadata === undefined ? {} : { metadata }),
  })
  return new ParleySession(platform, api, created, options)
}
