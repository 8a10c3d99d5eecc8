// A client's text messages: rate, schema, order, and what each of them does. What a hello is worth is greeting.ts's affair.
import { assertNever } from '@parley/kernel'
import { type ClientMessage, decodeClientMessage, MAX_CONTROL_MESSAGE_BYTES } from '@parley/protocol'
import { SPAN } from '@parley/telemetry'
import { unknownCodec } from './audio-refusal.ts'
import { invalid, type MessagePeer, tooLarge } from './message-peer.ts'
import type { WatcherWish } from './watch-port.ts'
import { wantOf } from './watched.ts'

type MessageOf<Type extends ClientMessage['type']> = Extract<ClientMessage, { type: Type }>

/** `peer` is neither closing nor gone. */
export function onText(peer: MessagePeer, data: Buffer, nowMs: number): void {
  if (data.length > MAX_CONTROL_MESSAGE_BYTES) {
    tooLarge(peer, data.length, MAX_CONTROL_MESSAGE_BYTES)
    return
  }
  if (!withinRate(peer, nowMs)) return
  peer.stages.enter(SPAN.json)
  const decoded = decodeClientMessage(data.toString())
  peer.stages.leave()
  if (decoded.ok) {
    onControl(peer, decoded.value, nowMs)
    return
  }
  const formatRefusal = peer.phase.kind === 'greeting' ? unknownCodec(decoded.error) : undefined
  if (formatRefusal) peer.refuse('AUDIO_FORMAT_UNSUPPORTED', formatRefusal)
  else invalid(peer, decoded.error.code, decoded.error.details, nowMs)
}

/** False: the message (or protocol ping) is one too many and is to be dropped. */
export function withinRate(peer: MessagePeer, nowMs: number): boolean {
  const verdict = peer.conduct.onControl(nowMs)
  if (verdict === 'pass') return true
  if (verdict !== 'refuse') {
    peer.error('RATE_LIMITED', {
      message: `more than ${peer.controlMessagesPerSecond} messages per second; message dropped`,
      retryAfterMs: peer.conduct.controlWaitMs(nowMs),
    })
  }
  if (verdict === 'close') peer.leave('rate_limited')
  return false
}

function onControl(peer: MessagePeer, message: ClientMessage, nowMs: number): void {
  const { phase } = peer
  if (message.type === 'hello') {
    if (phase.kind === 'greeting') peer.greet(message)
    else unexpected(peer, message.requestId, 'hello may be sent once', nowMs)
    return
  }
  if (phase.kind === 'greeting') {
    const requestId = 'requestId' in message ? message.requestId : undefined
    unexpected(peer, requestId, `${message.type} before hello`, nowMs)
    return
  }
  switch (message.type) {
    case 'ping':
      peer.keep(Buffer.from(`{"type":"pong","id":${message.id}}`))
      return
    case 'pong':
      if (phase.kind === 'owner' && message.id >= peer.askedPingId) phase.session.ponged(message.lastSeq)
      return
    case 'bye':
      if (phase.kind === 'owner') phase.session.end('client_left')
      peer.leave('client_left')
      return
    case 'audio.end':
      onAudioEnd(peer, message, nowMs)
      return
    case 'subscribe':
    case 'captions':
      onWish(peer, message, nowMs)
      return
    case 'speak':
      onSpeak(peer, message, nowMs)
      return
    case 'speak.cancel':
      if (phase.kind === 'owner') phase.session.cancelSpeech(message.requestId)
      else noSpeech(peer, message, nowMs)
      return
    default:
      assertNever(message)
  }
}

function onAudioEnd(peer: MessagePeer, { lastSeq, requestId }: MessageOf<'audio.end'>, nowMs: number): void {
  const { phase } = peer
  if (phase.kind === 'owner') {
    const ended = phase.session.endAudio(lastSeq, requestId)
    if (!ended.ok) invalid(peer, ended.error.code, { ...ended.error.details, ...echo(requestId) }, nowMs)
  } else if (phase.kind === 'watcher') {
    invalid(peer, 'FORBIDDEN', { message: 'a watcher may not end the audio', ...echo(requestId) }, nowMs)
  } else unexpected(peer, requestId, 'audio.end before welcome', nowMs)
}

function onSpeak(peer: MessagePeer, message: MessageOf<'speak'>, nowMs: number): void {
  const { phase } = peer
  if (phase.kind !== 'owner') {
    noSpeech(peer, message, nowMs)
    return
  }
  const { type: _, ...order } = message
  const said = phase.session.say(order)
  // Telling one too many to wait is no offence; a request id that is taken is a mistake.
  if (said.ok) return
  const { code, details } = said.error
  if (code === 'SPEAK_BUSY') peer.error(code, { ...details, requestId: order.requestId })
  else invalid(peer, code, { ...details, requestId: order.requestId }, nowMs)
}

/** Speech is between a session and its owner. */
function noSpeech(peer: MessagePeer, { type, requestId }: MessageOf<'speak' | 'speak.cancel'>, nowMs: number): void {
  if (peer.phase.kind === 'watcher') {
    invalid(peer, 'FORBIDDEN', { message: `a watcher may not send ${type}`, requestId }, nowMs)
  } else unexpected(peer, requestId, `${type} before welcome`, nowMs)
}

/** What an owner or a watcher wants; answered with what is in force. */
function onWish(peer: MessagePeer, wish: WatcherWish, nowMs: number): void {
  const { phase } = peer
  if (phase.kind === 'owner') wantOf(phase.session, peer, wish)
  else if (phase.kind === 'watcher') phase.watched.want(peer, wish)
  else unexpected(peer, wish.requestId, `${wish.type} before welcome`, nowMs)
}

function unexpected(peer: MessagePeer, requestId: string | undefined, message: string, nowMs: number): void {
  invalid(peer, 'UNEXPECTED_MESSAGE', { message, ...echo(requestId) }, nowMs)
}

const echo = (requestId: string | undefined): { requestId?: string } => (requestId === undefined ? {} : { requestId })
