// A thread in the place of flite's: says a tone for everything, but does what a text asks it to.
import { parentPort } from 'node:worker_threads'
import type { FliteTask } from '../engines/flite/flite-maker.ts'

parentPort?.on('message', ({ text }: FliteTask) => {
  if (text.includes('exit')) process.exit(3)
  if (text.includes('throw')) throw new Error('thrown on demand')
  if (text.includes('refuse')) {
    parentPort?.postMessage({ problem: 'refused on demand' })
    return
  }
  while (text.includes('hang'));
  parentPort?.postMessage({ samples: new Int16Array(1_000).fill(1) })
})
