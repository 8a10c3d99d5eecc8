// What tells an owner from the one before it. Every grant has a token that is greater than all before; whoever acts on a session remembers the
// greatest it has seen and turns lower ones away.

/** Compared by epoch, then by counter. */
export interface FencingToken {
  /** Rises whenever the directory has lost what it knew; milliseconds of its own clock when it began. */
  readonly epoch: number
  /** Rises with each grant within an epoch. */
  readonly counter: number
}

/** Negative when `one` is older than `other`, 0 when they are the same. */
export function compareTokens(one: FencingToken, other: FencingToken): number {
  return one.epoch - other.epoch || one.counter - other.counter
}

/** `epoch:counter`, as in logs and in the Redis directory. */
export const formatToken = ({ epoch, counter }: FencingToken): string => `${epoch}:${counter}`
