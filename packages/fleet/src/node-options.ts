// Options of the runtime that belong to a member, whoever starts it.

/**
 * For pods. V8 sizes its young generation for throughput on the machine's memory: up to three half-spaces of 32 MiB or more, touched
 * in full by a pod that only moves bytes. 8 MiB halves what a thousand sessions keep resident (234 to 111 MB) at the same CPU
 * (`parley bench transport`); 2 MiB saves little more and costs a tenth of the CPU.
 */
export const POD_NODE_OPTIONS: readonly string[] = ['--max-semi-space-size=8']
