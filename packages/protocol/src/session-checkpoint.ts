// What another pod needs to go on with a session: kept in the fleet's journal, and carried by a hand-over. Never told to clients. Pods one version apart
// read each other's (rules OV1 to OV4 of the fleet, apps/pod/src/fleet/SPEC.md): what a new version adds is optional here, with a default for whoever reads it; what could not be
// left out without harm is a new CHECKPOINT_VERSION.
import { err, type Result } from '@parley/kernel'
import { type Static, Type } from 'typebox'
import { AudioFormatSchema } from './audio-format.ts'
import { CaptionSetSchema, POLISH_MODES, SUBSCRIPTION_STREAMS, SubscriptionSetSchema } from './client-messages.ts'
import { compileCheck } from './codec.ts'

export const CHECKPOINT_VERSION = 1
/** Of the newest events, as they were sent: about a minute and a half of speech. What is older is lost with its pod. */
export const MAX_CHECKPOINT_HISTORY_BYTES = 6_144
/** A checkpoint that would be longer has no history. */
export const MAX_CHECKPOINT_BYTES = 49_152

/** What an event of the history is, for whom it is and which of them are finals. */
const HISTORY_KINDS = ['final', 'abandoned', 'ended', 'translation', 'polished'] as const

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
    format: Type.Object(AudioFormatSchema.properties),
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
        kind: Type.Enum([...HISTORY_KINDS]),
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

/** `newer`: of a format that this version does not know; `unreadable`: of a version that it should know, and yet it does not fit. */
export type CheckpointProblem =
  | { readonly kind: 'newer'; readonly version: number }
  | { readonly kind: 'unreadable'; readonly why: string }

const check = compileCheck<SessionCheckpoint>(SessionCheckpointSchema)

/** `value`: parsed, from a pod of this version or of one beside it. */
export function readCheckpoint(value: unknown): Result<SessionCheckpoint, CheckpointProblem> {
  const version = isRecord(value) ? value.version : undefined
  if (Number.isInteger(version) && (version as number) > CHECKPOINT_VERSION) {
    return err({ kind: 'newer', version: version as number })
  }
  const checked = check(isRecord(value) ? inOurWords(value) : value)
  return checked.ok ? checked : err({ kind: 'unreadable', why: checked.error.message })
}

/** In a sentence, for logs and whoever asked. */
export const checkpointProblemText = (problem: CheckpointProblem): string =>
  problem.kind === 'newer'
    ? `the state of the session has format ${problem.version}, this pod reads up to ${CHECKPOINT_VERSION}`
    : `the state of the session does not fit: ${problem.why}`

/**
 * Words that a newer version has added to a list of ours: nobody here could do what they ask for, and the session is worth more than they are. Events of
 * an unknown kind go, as they were sent, to whoever hears what is said of utterances.
 */
function inOurWords(value: Record<string, unknown>): Record<string, unknown> {
  const { subscriptions, captions, history } = value
  return {
    ...value,
    ...(isRecord(subscriptions) && Array.isArray(subscriptions.streams)
      ? { subscriptions: { ...subscriptions, streams: subscriptions.streams.filter(isOneOf(SUBSCRIPTION_STREAMS)) } }
      : {}),
    ...(isRecord(captions) && typeof captions.polish === 'string' && !isOneOf(POLISH_MODES)(captions.polish)
      ? { captions: { ...captions, polish: 'off' } }
      : {}),
    ...(Array.isArray(history) ? { history: history.map(inOurKinds) } : {}),
  }
}

const inOurKinds = (event: unknown): unknown =>
  isRecord(event) && typeof event.kind === 'string' && !isOneOf(HISTORY_KINDS)(event.kind)
    ? { ...event, kind: 'abandoned' }
    : event

const isOneOf =
  (words: readonly string[]) =>
  (value: unknown): boolean =>
    words.includes(value as string)

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
