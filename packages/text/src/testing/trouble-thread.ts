// A thread in the place of harper's: finds nothing in anything, but does what a text asks it to.
import { parentPort } from 'node:worker_threads'
import type { HarperAnswer, HarperQuestion } from '../engines/harper/harper-runner.ts'

parentPort?.on('message', ({ id, text }: HarperQuestion) => {
  if (text.includes('exit')) process.exit(3)
  if (text.includes('throw')) throw new Error('thrown on demand')
  const answer: HarperAnswer = { id, found: [] }
  parentPort?.postMessage(answer)
})
