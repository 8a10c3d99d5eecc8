// What another pod needs to go on with a session: kept in the fleet's journal, and carried by a hand-over. Never told to clients. Fields that a
// pod does not know are a newer version's, and are let pass (N works with N-1).
import { type Static, Type } from 'typebox'
import { AudioFormatSchema } from './audio-format.ts'
import { CaptionSetSchema, SubscriptionSetSchema } from './client-messages.ts'

export const CHECKPOINT_VERSION = 1
/** Of the newest events, as they were sent: about a minute and a half of speech. What is older is lost with its pod. */
export const MAX_CHECKPOINT_HISTORY_BYTES = 6_144
/** A checkpoint that would be longer has no history. */
export const MAX_CHECKPOINT_BYTES = 49_152

const count = (description: string) => Type.Integer({ minimum: 0, description })
const text = (maxLength: number) => Type.String({ maxLength })

export const SessionCheckpointSchema = Type.Object(
  {
    version: Type.Literal(CHECKPOINT_VERSION),
    tenant: text(256),
    user: text(256),
    language: text(35),
    metadata: Type.Record(Type.String(), Type.String()),
    createdAtWallMs: Type.Number(),
    connectedAtWallMs: Type.Optional(Type.Number()),
    format: AudioFormatSchema,
    epoch: Type.Integer({ minimum: 1, description: 'Of the utterances so far; the next owner takes a higher one' }),
    seq: count('Of the newest event'),
    nextIndex: count('Of the next utterance'),
    finals: count('So far'),
    abandoned: count('So far'),
    settledMediaTime: Type.Number({ minimum: 0, description: 'Samples of the client that are recognised for good' }),
    audioBytes: count('Payload accepted so far'),
    audioFrames: count('Accepted so far'),
    audioMs: Type.Number({ minimum: 0 }),
    subscriptions: Type.Object({ version: count('0 = never told'), streams: SubscriptionSetSchema.properties.streams }),
    captions: Type.Object({
      version: count('0 = never told'),
      translateTo: CaptionSetSchema.properties.translateTo,
      polish: CaptionSetSchema.properties.polish,
      speak: CaptionSetSchema.properties.speak,
    }),
    links: Type.Array(Type.Object({ linkId: text(64), expiresAtMs: Type.Number() }), {
      maxItems: 256,
      description: 'Watch links that are valid',
    }),
    history: Type.Array(
      Type.Object({
        seq: Type.Integer({ minimum: 1 }),
        kind: Type.Enum(['final', 'abandoned', 'ended', 'translation', 'polished']),
        json: Type.String(),
      }),
      { description: 'The newest events, oldest first' },
    ),
    due: Type.Optional(
      Type.Array(Type.Object({ epoch: Type.Integer(), index: Type.Integer(), language: text(35) }), {
        description: 'Translations of finals that were under way',
      }),
    ),
    adaptation: Type.Optional(Type.Object({ engine: Type.String(), data: Type.String() })),
  },
  { description: 'A session at one instant' },
)
export type SessionCheckpoint = Static<typeof SessionCheckpointSchema>
