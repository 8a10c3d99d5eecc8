// Is the peer still there? Pure arithmetic over three instants of a connection; the pod's one ticker asks for each.

export interface LivenessPolicy {
  readonly pingIntervalMs: number
  readonly deadAfterMs: number
}

export interface LivenessMarks {
  /** Any message of the peer counts, protocol pongs do not: a proxy may answer those for a peer that is gone. */
  readonly lastHeardMs: number
  readonly lastSentMs: number
  readonly lastPingMs: number
}

export type LivenessVerdict = 'fine' | 'ping' | 'dead'

/**
 * `ping` when one direction has been quiet for an interval: a peer that speaks and is spoken to needs none. `latenessMs` is how much
 * later than planned this question is asked: after a stall of this process its peers' messages may wait unread, so
 * silence is measured to when the question was due.
 */
export function judgeLiveness(
  marks: LivenessMarks,
  nowMs: number,
  latenessMs: number,
  policy: LivenessPolicy,
): LivenessVerdict {
  if (nowMs - marks.lastHeardMs >= policy.deadAfterMs + latenessMs) return 'dead'
  const quietMs = nowMs - Math.min(marks.lastHeardMs, marks.lastSentMs)
  if (quietMs < policy.pingIntervalMs || nowMs - marks.lastPingMs < policy.pingIntervalMs) return 'fine'
  return 'ping'
}
