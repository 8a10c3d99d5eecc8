// When the archive is due: once a day, at an hour of local time, whatever clocks do. Pure but for the last function.
import type { Random, Scope } from '@parley/kernel'
import type { Logger } from '@parley/telemetry'
import type { RecordStore } from '../record-store.ts'
import { type ArchiveOptions, archiveRecords } from './archiver.ts'

/** 02:00, when few people speak. */
export const ARCHIVE_HOUR = 2
const LAST_DAY = 'archive.lastDay'

/** The local calendar day of a wall instant, `2026-11-27`. */
export function localDayOf(wallMs: number): string {
  const date = new Date(wallMs)
  const two = (value: number) => String(value).padStart(2, '0')
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`
}

/**
 * Whether today's run is due: the hour has come, and the last run was on another day. A last day in the future (the clock was
 * wrong, and has been set back) counts as none: waiting for it could take years.
 */
export function isArchiveDue(wallMs: number, lastDay: string | undefined, hour: number = ARCHIVE_HOUR): boolean {
  if (new Date(wallMs).getHours() < hour) return false
  return lastDay !== localDayOf(wallMs)
}

export interface DailyArchiveOptions extends ArchiveOptions {
  readonly scope: Scope
  readonly logger: Logger
  readonly random: Random
  /** Hour of local time, 0 to 23; 2 unless told. */
  readonly hour?: number
}

const LOOK_MS = 60_000

/**
 * Looks once a minute whether the archive is due, and does it; among many members one does. A failure is logged and tried
 * again with the next look.
 */
export function startDailyArchive(store: RecordStore, options: DailyArchiveOptions): void {
  const { scope, random } = options
  let running: Promise<void> | undefined
  const look = () => {
    running ??= runIfDue(store, options)
      .catch((error) => options.logger.error({ err: error }, 'archiving broke'))
      .finally(() => {
        running = undefined
      })
  }
  // Members that were started together do not look together.
  scope.after(random() * LOOK_MS, () => scope.every(LOOK_MS, look))
  scope.own(() => running)
}

async function runIfDue(store: RecordStore, options: DailyArchiveOptions): Promise<void> {
  const { clock, logger, hour } = options
  const last = await store.setting(LAST_DAY)
  if (!last.ok || !isArchiveDue(clock.wallMs(), last.value, hour)) return
  const day = localDayOf(clock.wallMs())
  const done = await archiveRecords(store, options)
  if (!done.ok) {
    if (done.error.code === 'BUSY') return
    logger.error({ code: done.error.code, problem: done.error.message }, 'records could not be archived')
    return
  }
  await store.set(LAST_DAY, day)
  const { copied, deleted, changed, expired } = done.value
  logger.info({ copied, deleted, changed, expired }, 'records were archived')
}
