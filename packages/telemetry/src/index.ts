/** Seeing inside: metric catalogue, loop monitor, logger. */
export * from './logger-port.ts'
