// Records that keep nothing and say what a test wants them to say.
import { ok, type Result } from '@parley/kernel'
import type { ParleyError } from '@parley/protocol'
import type { ForgetReport } from '@parley/store'
import type { ActsToRecords } from '../bridges/acts-to-records.ts'
import type { PodRecords } from '../records/pod-records.ts'
import { NO_RECORDS_REPORT } from '../records/records-metrics.ts'
import type { RecordsReport } from '../records/records-report.ts'

export const FORGOT_SOME: ForgetReport = {
  rows: { sessions: 3, finals: 20, audit: 1 },
  spilled: 2,
  archived: { records: 5, files: 1 },
  exported: { records: 0, files: 0 },
  remarks: ['backups made before still hold the user'],
}

export class FakeRecords implements PodRecords {
  readonly sessions = { opened() {}, said() {}, closed() {} }
  readonly acts: ActsToRecords
  figures: RecordsReport = NO_RECORDS_REPORT
  /** Each as `tenant user actor`. */
  readonly forgotten: string[] = []
  answer: Result<ForgetReport, ParleyError> = ok(FORGOT_SOME)
  isClosed = false

  constructor(acts: ActsToRecords) {
    this.acts = acts
  }

  texts(): void {}
  onForgotten(): void {}
  report(): RecordsReport {
    return this.figures
  }
  async forget(tenant: string, userId: string, actor: string): Promise<Result<ForgetReport, ParleyError>> {
    this.forgotten.push(`${tenant} ${userId} ${actor}`)
    return this.answer
  }
  async close(): Promise<void> {
    this.isClosed = true
  }
}
