// What the pod as a whole asks of its text service, beyond what sessions ask of it.
import type { TextService } from '@parley/text'
import type { TextReport } from './text/text-report.ts'

export interface PodText extends TextService {
  report(): TextReport
  /** The store of shared budgets does not answer; undefined where nothing is shared. */
  readonly isStoreLost?: boolean | undefined
  close(): Promise<void>
}
