// Messages for a user or a session wherever in the fleet they are: this pod's own sessions at once, those of other pods by one call each. Who is where is
// asked of the pods, not kept anywhere.
import { err, newId, ok, type Result } from '@parley/kernel'
import {
  compileCheck,
  type MessageContent,
  type MessageSent,
  messageSentOf,
  ParleyError,
  POD_MESSAGES_PATH,
  type PodMessage,
  PodMessageAnswerSchema,
  PodMessageSchema,
  type SendMessage,
  type SessionDelivery,
} from '@parley/protocol'
import type { Logger } from '@parley/telemetry'
import type { MessageTarget, SessionMessages } from '../sessions/session-messages.ts'
import type { Peer, PeerCalls } from './peer-calls.ts'
import { answering, type CallHandler, podCall } from './pod-call.ts'
import type { PodFleet } from './pod-fleet.ts'
import { nobodyKnows } from './refusal.ts'

const checkAnswer = compileCheck<Parameters<typeof messageSentOf>[0]>(PodMessageAnswerSchema)

export const MESSAGES_CALL = podCall<PodMessage, MessageSent>(POD_MESSAGES_PATH, {
  asked: PodMessageSchema,
  answered: (value) => {
    const answer = checkAnswer(value)
    return answer.ok ? ok(messageSentOf(answer.value)) : answer
  },
})

export interface UnicastOptions {
  readonly wallMs: () => number
  readonly messages: SessionMessages
  /** Undefined: there is nobody but this pod. */
  readonly fleet: Pick<PodFleet, 'peers' | 'whereIs'> | undefined
  readonly peers: Pick<PeerCalls, 'ask'> | undefined
  readonly logger: Logger
}

export interface Unicast {
  /** To every session of the user; rejects never. */
  toUser(tenant: string, user: string, body: SendMessage): Promise<MessageSent>
  /** SESSION_UNKNOWN when no pod has it, WRONG_POD without an address when nobody can say. */
  toSession(tenant: string, sessionId: string, body: SendMessage): Promise<Result<MessageSent, ParleyError>>
}

/** Answers what other pods send here. */
export function answerMessages(messages: SessionMessages): CallHandler {
  return answering(MESSAGES_CALL, async ({ tenant, user, sessionId, content }) => {
    const target = user === undefined ? { sessionId: sessionId ?? '' } : { user }
    const sessions = [...messages.send(tenant, target, content)]
    return ok({ messageId: content.messageId, sessions, unreachablePods: [] })
  })
}

interface Told {
  readonly sessions: readonly SessionDelivery[]
  readonly unreachablePods: readonly string[]
}

export function createUnicast({ wallMs, messages, fleet, peers, logger }: UnicastOptions): Unicast {
  const contentOf = ({ data }: SendMessage): MessageContent => ({
    messageId: newId('msg'),
    sentAtMs: Math.round(wallMs()),
    data,
  })

  async function askPod(peer: Peer, asked: PodMessage): Promise<Told> {
    const answer = await peers?.ask(peer, MESSAGES_CALL, asked)
    if (answer?.ok) return { sessions: answer.value.sessions, unreachablePods: [] }
    const why = answer?.error.kind === 'refused' ? answer.error.error.message : answer?.error.why
    logger.warn({ podId: peer.podId, why }, 'a message did not reach a pod')
    return { sessions: [], unreachablePods: [peer.podId] }
  }

  async function askAll(tenant: string, target: MessageTarget, content: MessageContent): Promise<Told> {
    const here = messages.send(tenant, target, content)
    const asked = { tenant, ...target, content }
    const there = await Promise.all((fleet?.peers() ?? []).map((peer) => askPod(peer, asked)))
    return {
      sessions: [here, ...there.map(({ sessions }) => sessions)].flat(),
      unreachablePods: there.flatMap(({ unreachablePods }) => unreachablePods),
    }
  }

  const answerOf = (content: MessageContent, { sessions, unreachablePods }: Told): MessageSent => ({
    messageId: content.messageId,
    sessions: [...sessions],
    unreachablePods: [...unreachablePods],
  })

  return {
    async toUser(tenant, user, body) {
      const content = contentOf(body)
      return answerOf(content, await askAll(tenant, { user }, content))
    },
    async toSession(tenant, sessionId, body) {
      const content = contentOf(body)
      const here = messages.send(tenant, { sessionId }, content)
      if (here.length > 0) return ok(answerOf(content, { sessions: here, unreachablePods: [] }))
      const where = (await fleet?.whereIs(sessionId)) ?? { is: 'nowhere' as const }
      if (where.is === 'nowhere') return err(new ParleyError('SESSION_UNKNOWN'))
      if (where.is === 'there') {
        const { podId } = where.peer
        const told = await askPod(where.peer, { tenant, sessionId, content })
        if (told.sessions.length > 0) return ok(answerOf(content, told))
        if (told.unreachablePods.length === 0) return err(new ParleyError('SESSION_UNKNOWN'))
        return ok(answerOf(content, { ...told, sessions: [{ sessionId, podId, result: 'unreachable' }] }))
      }
      // The directory is away: whoever has it says so.
      const told = await askAll(tenant, { sessionId }, content)
      if (told.sessions.length > 0) return ok(answerOf(content, { ...told, unreachablePods: [] }))
      return err(told.unreachablePods.length > 0 ? nobodyKnows(where.retryAfterMs) : new ParleyError('SESSION_UNKNOWN'))
    },
  }
}
