// Recognition by a provider of the OpenAI protocol, utterance by utterance (Whisper and its like).
import { createVad } from '@parley/audio'
import { ok } from '@parley/kernel'
import type { ClientLease } from '@parley/providers'
import { DEFAULT_ENDPOINTING, type EndpointingOptions } from '../../endpointing.ts'
import type { VoiceActivity } from '../../speech-activity.ts'
import { HostedRecogniser, type HostedRecogniserOptions } from '../hosted/hosted-recogniser.ts'
import { TranscribedStream } from './transcribed-stream.ts'
import { UtteranceTranscriber } from './utterance-transcriber.ts'

export interface OpenAiRecogniserOptions extends HostedRecogniserOptions {
  /** Given back by `close`. */
  readonly lease: ClientLease
  readonly endpointing?: EndpointingOptions
  /** A voice detector per stream; @parley/audio's in its strictest mode unless told. */
  readonly createVoiceActivity?: () => Promise<VoiceActivity>
}

const DEFAULT_LANGUAGES = ['en']

export function createOpenAiRecogniser(options: OpenAiRecogniserOptions): HostedRecogniser {
  const { clock, lease, endpointing = DEFAULT_ENDPOINTING } = options
  const { client } = lease
  const { id, languages = DEFAULT_LANGUAGES } = client.settings
  const createVoiceActivity = options.createVoiceActivity ?? (() => createVad({ mode: 3 }))
  return new HostedRecogniser(
    {
      name: id,
      languages,
      problem: () => (client.reachability.is === 'unreachable' ? `${id}: ${client.reachability.problem}` : undefined),
      start: () => client.start(),
      async open({ language, firstIndex, adaptation, scope }, listener, onReleased) {
        const voice = await createVoiceActivity()
        const transcriber = new UtteranceTranscriber({ clock, scope, client, language })
        return ok(
          new TranscribedStream({
            clock,
            voice,
            endpointing,
            transcriber,
            firstIndex,
            adaptation,
            listener,
            onReleased,
          }),
        )
      },
      close: () => lease.release(),
    },
    options,
  )
}
