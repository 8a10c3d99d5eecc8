// What one connection wants to hear: desired state, the whole set with a version. Pure; who hears what is audience.ts's affair.
import { SUBSCRIPTION_STREAMS, type SubscriptionSet, type SubscriptionStream } from '@parley/protocol'

export interface Subscriptions {
  /** 0: never told, which means everything. */
  readonly version: number
  readonly streams: readonly SubscriptionStream[]
  /** `streams` again, for the hot path. */
  readonly partials: boolean
  readonly finals: boolean
}

export const EVERYTHING: Subscriptions = { version: 0, streams: SUBSCRIPTION_STREAMS, partials: true, finals: true }

/** What is in force once `asked` has come: a newer version replaces the whole set, any other changes nothing. */
export function onSubscribe(current: Subscriptions, asked: SubscriptionSet | undefined): Subscriptions {
  if (!asked || asked.version <= current.version) return current
  const partials = asked.streams.includes('captions.partial')
  const finals = asked.streams.includes('captions.final')
  return { version: asked.version, streams: [...asked.streams], partials, finals }
}

/** Every stream there is comes from the microphone: whoever wants any wants it on. */
export const wantsMicrophone = (subscriptions: Subscriptions): boolean => subscriptions.streams.length > 0
