// Options of the runtime that belong to a member, whoever starts it.

/**
 * For pods. V8 lets the young generation of a busy process grow; a pod that only moves bytes touches all of it. With 8 MiB half-spaces
 * 1,000 sessions of `parley bench transport` kept about 110 MB resident, against 234 to 314 MB without a bound; the CPU ratio to the
 * bare server was the same within its noise (medians of five pairs: 1.24 and 1.26).
 */
export const POD_NODE_OPTIONS: readonly string[] = ['--max-semi-space-size=8']
