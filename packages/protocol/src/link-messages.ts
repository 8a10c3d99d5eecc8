// The link between one pod and one speech worker: JSON text for control, binary for audio. A stream is named by a number
// that the pod chooses and never uses twice on one link. Both ends are ours, of versions N and N - 1: fields may be added,
// unknown ones are ignored.

import type { AudioFormat } from './audio-format.ts'
import { readUint32, writeUint32 } from './audio-frame.ts'
import type { AbandonReason } from './close-codes.ts'

/** Recogniser state worth keeping between decoders (UT7); opaque to everyone but the engine that made it. */
export type AdaptationState = { readonly engine: string; readonly data: string }

/** Where one word of a final lies. Those of a final, joined by single spaces, are its text. */
export interface RecognisedWord {
  readonly text: string
  /** Media time. */
  readonly startMs: number
  readonly endMs: number
  /** Probability that the word is right, 0 to 1, by the engine's own account; absent where it has none. */
  readonly confidence?: number
}

/** By which owners of one session are told apart: greater with each grant of the directory, compared by epoch, then by counter. */
export interface SessionFence {
  readonly epoch: number
  readonly counter: number
}

export type PodToWorker =
  /** First message. The worker proves that it knows the fleet secret by answering with `proof` over `nonce`. */
  | {
      readonly type: 'link.hello'
      readonly version: 1
      readonly podId: string
      readonly nonce: string
      /** A `worker.load` without voices means to this pod that they have not changed; one of an earlier version would forget them. */
      readonly keepsVoices?: boolean
    }
  | {
      readonly type: 'stream.open'
      readonly stream: number
      readonly sessionId: string
      readonly language: string
      readonly format: AudioFormat
      /** Index of the first utterance this stream will open. */
      readonly firstIndex: number
      /** Audio before this media time has been recognised: decoded for the codec's sake, it is not recognised again. */
      readonly settledMs?: number
      readonly adaptation?: AdaptationState
      /** Finals are to say where their words lie. A worker of an earlier version, or an engine that cannot tell, leaves them out. */
      readonly wantsWords?: boolean
      /** The pod's token of the session. A pod of an earlier version, and one whose directory does not know the session, leaves it out. */
      readonly fence?: SessionFence
    }
  /** No more audio for now: flush, answer `stream.flushed` in order. The stream stays open. */
  | { readonly type: 'stream.flush'; readonly stream: number; readonly flushId: number }
  /**
   * While held, missing audio is on its way (the client's network is gone): a lull in wall time ends no utterance (UT6). A worker that
   * does not know the message goes on as before. Frames do not end it; `isHeld: false` does.
   */
  | { readonly type: 'stream.hold'; readonly stream: number; readonly isHeld: boolean }
  /** Frees the slot. Nothing more is sent about this stream. Also ends a stream that speaks: no audio is sent after it. */
  | { readonly type: 'stream.close'; readonly stream: number }
  /**
   * A stream that speaks `text`. Answered by `speak.opened` or `stream.refused`, then audio as link records (media time = samples from
   * the start of the speech), then `speak.ended` or `stream.failed`.
   */
  | {
      readonly type: 'speak.open'
      readonly stream: number
      readonly requestId: string
      readonly text: string
      readonly voice?: string
      readonly language?: string
      readonly rateRatio?: number
      /** Samples the pod has already: made again after a failover, and not sent. */
      readonly fromSample?: number
      /** As in `speak.credit`. */
      readonly creditMs: number
    }
  /** Flow control: the worker may send audio up to this instant of the speech. Absolute, rising; repeating it changes nothing. */
  | { readonly type: 'speak.credit'; readonly stream: number; readonly creditMs: number }
  /**
   * One text to be translated or polished by a named engine. Answered once, by `text.answered` or `text.failed`, at the latest at
   * `deadlineMs` after it came; nothing follows `text.cancel`.
   */
  | {
      readonly type: 'text.ask'
      /** Chosen by the pod, never used twice on one link. */
      readonly id: number
      readonly kind: TextKind
      readonly engine: string
      readonly text: string
      /** BCP 47 tags; `to` with a translation only. */
      readonly from: string
      readonly to?: string
      readonly isFinal: boolean
      readonly deadlineMs: number
    }
  | { readonly type: 'text.cancel'; readonly id: number }
  /** Such texts will be asked soon: a worker that has to load something for them loads it now. Not answered; may be repeated. */
  | {
      readonly type: 'text.warm'
      readonly kind: TextKind
      readonly engine: string
      readonly from: string
      readonly to?: string
    }
  | { readonly type: 'ping'; readonly id: number }

export interface WorkerEngine {
  readonly name: string
  readonly languages: readonly string[]
  readonly ready: boolean
  /** Why it is not ready, and the command that mends it. */
  readonly problem?: string
}

export interface VoiceInfo {
  /** Unique among the voices of a worker, such as "slt" or "espeak-es". */
  readonly name: string
  /** BCP 47 tag. */
  readonly language: string
  readonly engine: string
}

export const TEXT_KINDS = ['translate', 'polish'] as const
export type TextKind = (typeof TEXT_KINDS)[number]

/** What one engine for texts can do now. */
export interface TextEngineInfo {
  readonly name: string
  readonly kind: TextKind
  readonly ready: boolean
  /** Why it is not ready, and the command that mends it. */
  readonly problem?: string
  /** Translation: what it can do, chains included; absent = any pair (a model that is asked in words). */
  readonly pairs?: readonly TextPair[]
  /** Polishing: BCP 47 tags; absent = any. */
  readonly languages?: readonly string[]
  /** Id of the provider in the configuration whose budget its calls use; absent = embedded. */
  readonly provider?: string
}

export interface TextPair {
  /** BCP 47 tags. */
  readonly from: string
  readonly to: string
  /** Languages in between, when there is no direct way. */
  readonly via?: readonly string[]
}

/** What a provider charged for one answer. */
export interface TextUsage {
  readonly inputTokens: number
  readonly outputTokens: number
}

/**
 * PAIR_UNSUPPORTED and TEXT_INVALID: asking again is in vain. BUSY: no room in the engine now. ENGINE_FAILED: broke under this text.
 * RATE_LIMITED: the provider said so. DEADLINE: too slow. REFUSED_SAME, REFUSED_LONG, REFUSED_LANGUAGE: answered with the source itself,
 * with far more than was asked, or in another language. CANCELLED: by who asked.
 */
export const TEXT_FAILURE_CODES = [
  'PAIR_UNSUPPORTED',
  'TEXT_INVALID',
  'BUSY',
  'ENGINE_UNAVAILABLE',
  'ENGINE_FAILED',
  'RATE_LIMITED',
  'DEADLINE',
  'REFUSED_SAME',
  'REFUSED_LONG',
  'REFUSED_LANGUAGE',
  'CANCELLED',
] as const
export type TextFailureCode = (typeof TEXT_FAILURE_CODES)[number]

/** Kinds of work a worker may do; slots are counted for each: streams, speeches, texts at a time. */
export const WORKER_ROLES = ['recognise', 'synthesise', 'translate', 'polish'] as const
export type WorkerRole = (typeof WORKER_ROLES)[number]

export interface RoleLoad {
  readonly slots: number
  readonly slotsUsed: number
}

/** `loading`: nothing can be taken yet; `draining`: streams it has go on, new ones are refused; `overloaded`: the same, for a while. */
export type WorkerState = 'loading' | 'ready' | 'draining' | 'overloaded'

export type WorkerToPod =
  /** Instead of worker.hello: the pod speaks a version this worker does not; the link is closed after it. */
  | {
      readonly type: 'link.refused'
      readonly reason: 'version'
      readonly versions: readonly number[]
      readonly message: string
    }
  | {
      readonly type: 'worker.hello'
      readonly version: 1
      readonly workerId: string
      /** HMAC-SHA-256 of the pod's nonce under the fleet secret, base64url. */
      readonly proof: string
      readonly engines: readonly WorkerEngine[]
      readonly slots: number
    }
  /** Sent on change and every second: what the worker can take. */
  | {
      readonly type: 'worker.load'
      readonly slots: number
      readonly slotsUsed: number
      readonly decodersWarm: number
      readonly engines: readonly WorkerEngine[]
      readonly cpuRatio: number
      readonly rssBytes: number
      // What a worker of an earlier version does not send: it is ready and only recognises (slots, slotsUsed above).
      readonly state?: WorkerState
      /** Roles this worker has; `recognise` repeats slots and slotsUsed above. */
      readonly roles?: Readonly<Partial<Record<WorkerRole, RoleLoad>>>
      /** In the first report of a link and when they have changed; in each, to a pod that does not say that it keeps them. */
      readonly voices?: readonly VoiceInfo[]
      /** More voices may come: an engine is still being loaded. */
      readonly voicesLoading?: boolean
    }
  /** Sent behind worker.hello and on each change: the whole list. A worker of an earlier version never sends it: it has none. */
  | { readonly type: 'worker.text'; readonly engines: readonly TextEngineInfo[] }
  | {
      readonly type: 'text.answered'
      readonly id: number
      readonly text: string
      readonly via?: readonly string[]
      readonly changedWords?: number
      readonly usage?: TextUsage
      /** Time the engine took. */
      readonly engineMs: number
    }
  | {
      readonly type: 'text.failed'
      readonly id: number
      readonly code: TextFailureCode
      readonly message: string
      readonly retryAfterMs?: number
      readonly usage?: TextUsage
    }
  | { readonly type: 'stream.opened'; readonly stream: number }
  | {
      readonly type: 'stream.refused'
      readonly stream: number
      readonly code:
        | 'NO_SLOT'
        | 'LANGUAGE_UNSUPPORTED'
        | 'SPEECH_UNAVAILABLE'
        | 'AUDIO_FORMAT_UNSUPPORTED'
        | 'VOICE_UNKNOWN'
        | 'TEXT_INVALID'
        // The session has another owner by now: not to be tried again with this token, here or elsewhere.
        | 'FENCED'
      readonly message: string
      readonly retryAfterMs?: number
    }
  | { readonly type: 'speak.opened'; readonly stream: number; readonly sampleRateHz: number; readonly voice: VoiceInfo }
  /** All audio has been sent; `samples` in all, those before `fromSample` included. */
  | { readonly type: 'speak.ended'; readonly stream: number; readonly samples: number }
  | {
      readonly type: 'partial'
      readonly stream: number
      readonly index: number
      readonly text: string
      readonly stable: number
      readonly startMs: number
      readonly endMs: number
    }
  | {
      readonly type: 'final'
      readonly stream: number
      readonly index: number
      readonly text: string
      readonly startMs: number
      /** Media time of the end of the last speech frame. */
      readonly endMs: number
      /** Everything before this media time has been recognised; the pod may forget it. */
      readonly settledMs: number
      /** From the endpointing decision to the sending of this message. */
      readonly decideMs: number
      readonly adaptation?: AdaptationState
      /** Only when the stream asked for them. */
      readonly words?: readonly RecognisedWord[]
    }
  | {
      readonly type: 'abandoned'
      readonly stream: number
      readonly index: number
      readonly reason: AbandonReason
      readonly settledMs: number
    }
  /** Silence so far: everything before this media time held no open utterance. */
  | { readonly type: 'settled'; readonly stream: number; readonly settledMs: number }
  | { readonly type: 'stream.flushed'; readonly stream: number; readonly flushId: number; readonly settledMs: number }
  /** FENCED: it did not break, its session has another owner. A worker of an earlier version sends no code. */
  | { readonly type: 'stream.failed'; readonly stream: number; readonly message: string; readonly code?: 'FENCED' }
  | { readonly type: 'pong'; readonly id: number }

// A binary link message is a run of records: stream u32, mediaTime u32 (samples of the client, modulo 2^32),
// length u16, then the encoded frame. Big endian.
export const LINK_RECORD_HEADER_BYTES = 10

/** Writes one record at `offset`; returns the offset after it. The caller has made sure of the room. */
export function writeLinkRecord(
  target: Uint8Array,
  offset: number,
  stream: number,
  mediaTime: number,
  payload: Uint8Array,
): number {
  writeUint32(target, offset, stream)
  writeUint32(target, offset + 4, mediaTime)
  target[offset + 8] = payload.byteLength >>> 8
  target[offset + 9] = payload.byteLength & 0xff
  target.set(payload, offset + LINK_RECORD_HEADER_BYTES)
  return offset + LINK_RECORD_HEADER_BYTES + payload.byteLength
}

/** Calls `onRecord` for each record; false when the message is cut short (whole records before the cut were delivered). */
export function readLinkRecords(
  message: Uint8Array,
  onRecord: (stream: number, mediaTime: number, payload: Uint8Array) => void,
): boolean {
  let offset = 0
  while (offset < message.byteLength) {
    if (offset + LINK_RECORD_HEADER_BYTES > message.byteLength) return false
    const length = ((message[offset + 8] as number) << 8) | (message[offset + 9] as number)
    const end = offset + LINK_RECORD_HEADER_BYTES + length
    if (end > message.byteLength) return false
    onRecord(
      readUint32(message, offset),
      readUint32(message, offset + 4),
      message.subarray(offset + LINK_RECORD_HEADER_BYTES, end),
    )
    offset = end
  }
  return true
}
