// One mode kept running, as the engine of a restarting queue. Each text carries a mark of its own through the programs: an answer that does not bear it
// is an answer to something else.
import { type Clock, type Result, randomToken } from '@parley/kernel'
import type { TextFailure } from '../../text-engine.ts'
import { type QueueListener, type QueueRunner, RestartingQueue } from '../restarting-queue.ts'
import type { Mode, Stage } from './mode-files.ts'
import { PipelineProcess } from './pipeline-process.ts'
import type { StartRunner } from './pipeline-runner.ts'

/** Texts in the programs at a time: enough to keep them all at work. */
const MAX_FLYING = 16

export type PieceAnswer = Result<string, TextFailure>

export interface PipelineOptions {
  readonly clock: Clock
  readonly mode: Mode
  readonly startRunner?: StartRunner | undefined
  readonly onIdle: () => void
  readonly onBroken: (reason: string) => void
}

export function createPipeline(options: PipelineOptions): RestartingQueue<string, string> {
  const { clock, mode, onIdle, onBroken } = options
  const start = options.startRunner ?? ((stages, listener) => new PipelineProcess(stages, listener))
  return new RestartingQueue({
    clock,
    name: `the pipeline ${mode.name} of apertium`,
    maxFlying: MAX_FLYING,
    startRunner: (listener) => markedRunner(start, mode.stages, listener),
    onIdle,
    onBroken,
  })
}

/** Marks are superblanks, which the programs pass on as they are; a text cannot hold one, its brackets being escaped. */
function markedRunner(
  start: StartRunner,
  stages: readonly Stage[],
  listener: QueueListener<string>,
): QueueRunner<string> {
  const token = randomToken(6)
  const mark = new RegExp(`(?<!\\\\)\\[${token}\\.(\\d+)\\]`)
  let isOver = false
  const end = (reason: string) => {
    if (isOver) return
    isOver = true
    void runner.close()
    listener.onBroken(reason)
  }
  const runner = start(stages, {
    onAnswer(text) {
      if (isOver) return
      const found = mark.exec(text)
      if (found) listener.onAnswer(Number(found[1]), text.replace(found[0], ''))
      else end('an answer lost the mark of its text')
    },
    onBroken: end,
  })
  return {
    write: (id, stream) => runner.write(`${stream}[${token}.${id}]`),
    async close() {
      isOver = true
      await runner.close()
    },
  }
}
