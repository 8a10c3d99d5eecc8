// docs/asyncapi.json: the client WebSocket as AsyncAPI 3.0.
import { AUDIO_FRAME_HEADER_BYTES, AUDIO_FRAME_KIND, SPEECH_FRAME_KIND } from './audio-frame.ts'
import { CLIENT_MESSAGES, SERVER_MESSAGES } from './client-messages.ts'
import { CLOSE_REASONS } from './close-codes.ts'
import { CLIENT_SUBPROTOCOL } from './version.ts'

type Json = Record<string, unknown>

const componentName = (direction: 'client' | 'server', type: string) => `${direction}.${type}`.replaceAll('.', '_')

function messagesOf(direction: 'client' | 'server', schemas: Readonly<Record<string, unknown>>): Json {
  return Object.fromEntries(
    Object.entries(schemas).map(([type, payload]) => [
      componentName(direction, type),
      { name: type, contentType: 'application/json', payload: withoutIds(payload) },
    ]),
  )
}

/** `$id` inside a nested schema would change what a reference means; the document has no references, so they go. */
function withoutIds(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutIds)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value)
      .filter(([key]) => key !== '$id')
      .map(([key, inner]) => [key, withoutIds(inner)]),
  )
}

/** The whole document; deterministic, so that a test can compare it with the file. */
export function asyncApiDocument(version: string): Json {
  const audioFrame = {
    name: 'audio frame',
    contentType: 'application/octet-stream',
    summary:
      `Binary: kind u8 = ${AUDIO_FRAME_KIND}, flags u8 = 0, seq u32 and mediaTime u32 big endian ` +
      `(${AUDIO_FRAME_HEADER_BYTES} bytes), then one encoded frame of the format agreed in hello. ` +
      'mediaTime is the sample count of the client at the first sample, modulo 2^32.',
    payload: { type: 'string', format: 'binary' },
  }
  const speechFrame = {
    name: 'speech frame',
    contentType: 'application/octet-stream',
    summary:
      `Binary: kind u8 = ${SPEECH_FRAME_KIND}, flags u8 = 0, number of the speech u32 and mediaTime u32 big endian ` +
      `(${AUDIO_FRAME_HEADER_BYTES} bytes), then pcm16 little endian, mono, 40 ms at most, at the rate of speak.started. ` +
      'mediaTime is the sample count of the speech at the first sample.',
    payload: { type: 'string', format: 'binary' },
  }
  const messages = {
    ...messagesOf('client', CLIENT_MESSAGES),
    client_audio: audioFrame,
    ...messagesOf('server', SERVER_MESSAGES),
    server_speech_frame: speechFrame,
  }
  const refs = (prefix: string) =>
    Object.keys(messages)
      .filter((name) => name.startsWith(prefix))
      .map((name) => ({ $ref: `#/channels/session/messages/${name}` }))
  return {
    asyncapi: '3.0.0',
    info: {
      title: 'Parley session channel',
      version,
      description:
        `WebSocket subprotocol ${CLIENT_SUBPROTOCOL}. Text messages are JSON objects with a \`type\`; binary messages are audio.\n\n` +
        `Close codes:\n\n${Object.entries(CLOSE_REASONS)
          .map(([reason, entry]) => `- ${entry.closeCode} ${reason}: ${entry.meaning}`)
          .join('\n')}`,
      license: { name: 'Apache-2.0' },
    },
    channels: {
      session: {
        address: '/p/{podId}/v1/ws',
        parameters: { podId: { description: 'The pod that holds the session; part of the address you were given' } },
        messages: Object.fromEntries(
          Object.keys(messages).map((name) => [name, { $ref: `#/components/messages/${name}` }]),
        ),
        bindings: { ws: { method: 'GET' } },
      },
    },
    operations: {
      clientSends: { action: 'receive', channel: { $ref: '#/channels/session' }, messages: refs('client_') },
      podSends: { action: 'send', channel: { $ref: '#/channels/session' }, messages: refs('server_') },
    },
    components: { messages },
  }
}
