// A session at one instant, as another pod can go on with it, and when that is worth keeping anew. Pure.
import {
  type AdaptationState,
  CHECKPOINT_VERSION,
  MAX_CHECKPOINT_BYTES,
  type SessionCheckpoint,
} from '@parley/protocol'
import type { AudioIntake } from './audio-intake.ts'
import type { CaptionFeed } from './caption-feed.ts'
import type { SessionIdentity } from './session-witness.ts'
import type { WatchLinks } from './watch-links.ts'

/** So many events an owner may have seen that were not kept: minutes without the fleet's store. Beyond it, it never was that owner. */
export const MAX_SEQ_AHEAD = 10_000
/** Settled audio beyond what was kept is worth a checkpoint of its own from here on; all of it is in the next one in any case. */
export const SETTLED_WORTH_MS = 2_000

interface Parts {
  readonly identity: SessionIdentity
  readonly createdAtWallMs: number
  readonly connectedAtWallMs: number | undefined
  readonly feed: CaptionFeed
}

export function checkpointOf(
  session: Parts,
  intake: AudioIntake,
  links: WatchLinks | undefined,
  adaptation: AdaptationState | undefined,
  wallMs: number,
): SessionCheckpoint {
  const { identity, createdAtWallMs, connectedAtWallMs, feed } = session
  const { tenant, user, language, metadata } = identity
  const { subscriptions, captions } = feed.audience.ownerWishes
  const { translateTo, polish, speak } = captions
  const checkpoint: SessionCheckpoint = {
    version: CHECKPOINT_VERSION,
    ...{ tenant, user, language, metadata: { ...metadata } },
    createdAtWallMs,
    ...(connectedAtWallMs === undefined ? {} : { connectedAtWallMs }),
    format: intake.format,
    ...feed.checkpoint,
    ...{ audioBytes: intake.bytes, audioFrames: intake.frames, audioMs: intake.audioMs },
    subscriptions: { version: subscriptions.version, streams: [...subscriptions.streams] },
    captions: { version: captions.version, translateTo: [...translateTo], polish, speak: [...speak] },
    links: links?.valid(wallMs) ?? [],
    ...(adaptation ? { adaptation } : {}),
  }
  return checkpointBytes(checkpoint) > MAX_CHECKPOINT_BYTES ? { ...checkpoint, history: [] } : checkpoint
}

const checkpointBytes = (checkpoint: SessionCheckpoint): number => Buffer.byteLength(JSON.stringify(checkpoint))

type Stamped = Pick<Parts, 'feed'> & { readonly format: { readonly sampleRateHz: number } | undefined }

/** What a checkpoint is worth keeping anew for, in one word. */
export function stampOf({ feed, format }: Stamped, links: WatchLinks | undefined): string {
  const { subscriptions, captions } = feed.audience.ownerWishes
  const settledMs = (feed.settledMediaTime * 1_000) / (format?.sampleRateHz ?? 1_000)
  const step = Math.floor(settledMs / SETTLED_WORTH_MS)
  return `${feed.seq} ${step} ${subscriptions.version} ${captions.version} ${links?.changes ?? 0}`
}
