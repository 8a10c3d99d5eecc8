// The thread of a FliteMaker: a piece of text in, its samples out.
import { parentPort, workerData } from 'node:worker_threads'
import { parseWav } from '@parley/audio'
import { type FliteModule, FliteProgram } from '@parley/audio/flite'
import type { FliteAnswer, FliteTask } from './flite-maker.ts'

const program = new FliteProgram(workerData as FliteModule)

function say({ text, voice, sampleRateHz, rateRatio }: FliteTask): FliteAnswer {
  const speed = rateRatio === 1 ? [] : ['--setf', `duration_stretch=${(1 / rateRatio).toFixed(4)}`]
  const { wav, log, exitCode } = program.run([...speed, '-voice', voice, '-t', text, '-o', '/speech.wav'])
  const said = parseWav(wav)
  if (exitCode !== 0 || !said.ok) return { problem: `flite ended with ${exitCode}: ${log.slice(0, 200)}` }
  if (said.value.sampleRateHz !== sampleRateHz) return { problem: `flite's voice ${voice} is not what it was` }
  return { samples: said.value.samples }
}

parentPort?.on('message', (task: FliteTask) => {
  const answer = say(task)
  parentPort?.postMessage(answer, 'samples' in answer ? [answer.samples.buffer as ArrayBuffer] : [])
})
