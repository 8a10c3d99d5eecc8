// What a pipeline needs of the processes that run it.
import type { Stage } from './mode-files.ts'

export interface PipelineListener {
  /** One answer, without its NUL. */
  onAnswer(text: string): void
  /** Called once: it has ended or was found to be broken, and all its processes are being killed. Nothing is called after it. */
  onBroken(reason: string): void
}

/** What a pipeline needs of its processes; tests put others there. */
export interface PipelineRunner {
  write(stream: string): void
  close(): Promise<void>
}

export type StartRunner = (stages: readonly Stage[], listener: PipelineListener) => PipelineRunner
