// The words of a welcome, for owners and watchers alike.
import {
  DEAD_AFTER_MS,
  type ErrorDetails,
  type Hello,
  PING_INTERVAL_MS,
  PROTOCOL_VERSION,
  type SubscriptionSet,
  type UdpOffer,
  type Welcome,
} from '@parley/protocol'
import { encodeServer, type Session, type SessionChannel } from '@parley/sessions'
import type { UdpAnswer } from './udp-offer.ts'

export interface WelcomeHost {
  readonly podId: string
  readonly graceMs: number
  /** WebSocket addresses of the fleet for a client that came to `ownUrl`, that one first. */
  readonly entryUrls: (ownUrl: string) => readonly string[]
}

/** What owners and watchers are told alike. */
export function welcome(
  hello: Pick<Hello, 'requestId'>,
  session: Session,
  follower: SessionChannel,
  wsUrl: string,
  host: WelcomeHost,
): Omit<Welcome, 'role' | 'seq' | 'audio'> {
  const { feed, identity } = session
  const { version, streams } = feed.audience.wantsOf(follower)
  const subscriptions: SubscriptionSet | undefined = version === 0 ? undefined : { version, streams: [...streams] }
  return {
    type: 'welcome',
    ...echo(hello),
    protocolVersion: PROTOCOL_VERSION,
    sessionId: session.id,
    podId: host.podId,
    epoch: feed.epoch,
    language: identity.language,
    speech: feed.speech,
    pingIntervalMs: PING_INTERVAL_MS,
    deadAfterMs: DEAD_AFTER_MS,
    graceMs: host.graceMs,
    entryUrls: [...host.entryUrls(wsUrl)],
    replayTo: feed.seq,
    ...(subscriptions ? { subscriptions } : {}),
  }
}

/** Behind the welcome: what is made of captions for `follower`, if it ever wanted anything. */
export function tellCaptions(follower: SessionChannel, session: Session): void {
  const inForce = session.captionsOf(follower)
  if (inForce) follower.keep(encodeServer(inForce))
}

/** What only the owner is told, beside its place in the events. */
export function ownerWelcome(
  session: Session,
  resumeToken: string,
  udp: UdpAnswer,
  audioPaceRatio: number,
): Pick<Welcome, 'resumeToken' | 'microphone' | 'receivedMediaTime' | 'settledMediaTime' | 'audioPaceRatio' | 'udp'> {
  return {
    resumeToken,
    microphone: session.feed.audience.microphoneWanted,
    receivedMediaTime: session.receivedMediaTime,
    settledMediaTime: session.feed.settledMediaTime,
    audioPaceRatio,
    ...udpFields(udp),
  }
}

function udpFields(udp: UdpAnswer): { udp?: UdpOffer; udpRefused?: NonNullable<Welcome['udpRefused']> } {
  if (udp.kind === 'offered') return { udp: udp.offer }
  return udp.kind === 'refused' ? { udpRefused: udp.reason } : {}
}

export function echo(hello: Pick<Hello, 'requestId'>): Pick<ErrorDetails, 'requestId'> {
  return hello.requestId === undefined ? {} : { requestId: hello.requestId }
}
