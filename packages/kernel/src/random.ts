// A seeded source for tests, load plans and jitter: same seed, same run.

/** Uniform numbers in [0, 1). */
export type Random = () => number

/** mulberry32 (Tommy Ettinger, public domain): 32-bit state, good enough for jitter and fuzzing, never for secrets. */
export function seededRandom(seed: number): Random {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = state
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296
  }
}
