// When a command that watches is to end.
import process from 'node:process'

/** A promise that resolves at Ctrl-C, SIGTERM or when nobody reads any more, and the function that stops listening. */
export function untilToldToStop(): { readonly stopped: Promise<void>; stop(): void; release(): void } {
  const { promise, resolve } = Promise.withResolvers<void>()
  const stop = () => resolve()
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, stop)
  process.stdout.on('error', stop)
  return {
    stopped: promise,
    stop,
    release() {
      for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.off(signal, stop)
      process.stdout.off('error', stop)
    },
  }
}
