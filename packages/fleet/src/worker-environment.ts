// The environment a speech worker must be started with: libuv reads the size of its thread pool once, before any code of
// ours runs, so that the process that starts the worker decides it.

/** Threads for what is not decoding: files, names, keys. */
const OTHER_THREADS = 4
/** Enough for a worker whose slots are sized by itself ("0"). A thread that is never busy costs some address space. */
const UNSIZED_THREADS = 64
const MAX_THREADS = 1024

/** UV_THREADPOOL_SIZE for a worker of `slots` streams; 0 = the worker sizes itself. One decoder call holds one thread. */
export function threadPoolSize(slots: number): number {
  return slots === 0 ? UNSIZED_THREADS : Math.min(MAX_THREADS, slots + OTHER_THREADS)
}

/** What to add to the environment when forking a speech worker with `slots` (speech.slotsPerWorker). */
export function workerEnvironment(slots: number): { readonly UV_THREADPOOL_SIZE: string } {
  return { UV_THREADPOOL_SIZE: String(threadPoolSize(slots)) }
}

/**
 * One line for a person when the pool this process was started with has fewer threads than `slots` decoders need at once:
 * streams would wait for each other. Undefined when it is large enough. `size` is the value of UV_THREADPOOL_SIZE.
 */
export function threadPoolProblem(size: string | undefined, slots: number): string | undefined {
  const threads = size === undefined ? 4 : Number.parseInt(size, 10) || 1 // as libuv reads it
  if (threads >= slots) return undefined
  return `the thread pool has ${threads} threads for ${slots} slots: start the worker with UV_THREADPOOL_SIZE=${threadPoolSize(slots)}`
}
