// Why sessions and sockets end: a closed list, and the one place that says which ends are failures.

export interface CloseEntry {
  /** WebSocket close code (RFC 6455 section 7.4; 4000-4999 are ours). */
  readonly closeCode: number
  readonly isFailure: boolean
  /** May the client come back to the same session (within the grace)? */
  readonly mayResume: boolean
  readonly meaning: string
}

export const CLOSE_REASONS = {
  client_left: { closeCode: 1000, isFailure: false, mayResume: false, meaning: 'the client said goodbye' },
  deleted: { closeCode: 4000, isFailure: false, mayResume: false, meaning: 'the session was ended through the API' },
  finished: { closeCode: 1000, isFailure: false, mayResume: false, meaning: 'what the watcher followed has ended' },
  // Its sessions end with it: nobody would be there to come back to. A pod that hands its sessions on says draining.
  shutting_down: { closeCode: 1001, isFailure: false, mayResume: false, meaning: 'the platform is stopping' },
  draining: { closeCode: 4001, isFailure: false, mayResume: true, meaning: 'the pod is being emptied' },
  moved: { closeCode: 4015, isFailure: false, mayResume: true, meaning: 'the session goes on at another pod' },
  ticket_unused: { closeCode: 4002, isFailure: false, mayResume: false, meaning: 'no client came with the ticket' },
  hello_timeout: { closeCode: 4003, isFailure: true, mayResume: false, meaning: 'no valid hello in time' },
  refused: {
    closeCode: 4004,
    isFailure: true,
    mayResume: false,
    meaning: 'the hello was refused; see the error before',
  },
  client_silent: { closeCode: 4005, isFailure: true, mayResume: true, meaning: 'nothing was heard from the client' },
  socket_lost: { closeCode: 4006, isFailure: true, mayResume: true, meaning: 'the connection broke' },
  grace_expired: {
    closeCode: 4007,
    isFailure: true,
    mayResume: false,
    meaning: 'the client did not come back in time',
  },
  slow_consumer: { closeCode: 4008, isFailure: true, mayResume: true, meaning: 'finals piled up unread' },
  protocol_violation: { closeCode: 4009, isFailure: true, mayResume: false, meaning: 'too many invalid messages' },
  message_too_large: { closeCode: 1009, isFailure: true, mayResume: false, meaning: 'a message exceeded the limit' },
  rate_limited: { closeCode: 4010, isFailure: true, mayResume: true, meaning: 'far too many messages' },
  audio_limit: {
    closeCode: 4011,
    isFailure: true,
    mayResume: false,
    meaning: 'the session sent more audio than it may',
  },
  replaced: { closeCode: 4012, isFailure: false, mayResume: false, meaning: 'a newer connection took over' },
  revoked: { closeCode: 4013, isFailure: false, mayResume: false, meaning: 'the link or key was revoked' },
  link_expired: { closeCode: 4014, isFailure: false, mayResume: false, meaning: 'the watch link reached its end' },
  internal: { closeCode: 1011, isFailure: true, mayResume: true, meaning: 'something failed inside' },
} as const satisfies Record<string, CloseEntry>

export type CloseReason = keyof typeof CLOSE_REASONS
export const CLOSE_REASON_NAMES = Object.keys(CLOSE_REASONS) as CloseReason[]

/** Why an utterance ended without a final (UT1). `moved`: its session has another owner, where its audio is heard again. */
export const ABANDON_REASONS = ['no_speech', 'closed', 'no_worker', 'deadline', 'moved'] as const
export type AbandonReason = (typeof ABANDON_REASONS)[number]
