// What the commands of `parley records` do: the work is the store's, here it is asked for and told.
import path from 'node:path'
import { archiveRecords, exportRecords, forgetUser, type OnProgress, restoreRecords, utcDayOf } from '@parley/store'
import type { CliContext } from '../context.ts'
import { CliError, EXIT } from '../exit-codes.ts'
import { table } from '../output/index.ts'
import { actorOf } from '../platform/actor.ts'
import { noteAct, type RecordsOptions, valueOrFail, withRecords } from './place.ts'
import { bytesText, countText, rowsText } from './words.ts'

interface DryRun extends RecordsOptions {
  readonly dryRun: boolean
}

/** No tenant's: an act that concerns all of them. */
const EVERYBODY = '*'
const DAY_MS = 86_400_000

const progressOf =
  ({ output }: CliContext): OnProgress =>
  ({ step, doneRows, totalRows }) =>
    output.progress.update(`${step}: ${countText(doneRows, 'record')}`, totalRows === 0 ? 1 : doneRows / totalRows)

export async function exportTo(
  context: CliContext,
  dir: string,
  options: DryRun & { readonly tenant?: string },
): Promise<void> {
  const { output, clock } = context
  const folder = path.resolve(context.cwd, dir)
  const { tenant, dryRun } = options
  await withRecords(context, options, false, async ({ store }) => {
    const given = {
      folder,
      clock,
      dryRun,
      onProgress: progressOf(context),
      ...(tenant === undefined ? {} : { tenant }),
    }
    const report = valueOrFail(await exportRecords(store, given))
    if (!dryRun) {
      await noteAct(context, store, {
        tenant: tenant ?? EVERYBODY,
        action: 'records.export',
        target: folder,
        result: 'ok',
      })
    }
    if (options.json) output.json({ folder, dryRun, ...report })
    else if (dryRun) output.line(`would export ${countText(report.rows, 'record')} to ${folder}`)
    else {
      const files = `${countText(report.files, 'file')}, ${bytesText(report.bytes)}`
      output.line(`exported ${countText(report.rows, 'record')} to ${folder} (${files})`)
    }
  })
}

export async function restoreFrom(context: CliContext, dir: string, options: DryRun): Promise<void> {
  const { output } = context
  const folder = path.resolve(context.cwd, dir)
  const { dryRun } = options
  await withRecords(context, options, !dryRun, async ({ store }) => {
    const report = valueOrFail(await restoreRecords(store, { folder, dryRun, onProgress: progressOf(context) }))
    if (!dryRun)
      await noteAct(context, store, { tenant: EVERYBODY, action: 'records.restore', target: folder, result: 'ok' })
    if (options.json) return output.json({ folder, dryRun, ...report })
    if (dryRun) {
      output.line(`${folder} is whole: ${countText(report.rows, 'record')} in ${countText(report.files, 'file')}`)
      return
    }
    output.line(`restored ${countText(report.restored, 'record')} of ${report.rows} from ${folder}`)
    if (report.alreadyThere > 0) output.line(`${report.alreadyThere} were there already`)
    if (report.forgotten > 0) output.line(`${report.forgotten} left out: their users were forgotten`)
    if (report.notKept > 0) {
      output.line(`${report.notKept} finals left out: their tenants keep none (parley records retention)`)
    }
  })
}

export async function archive(context: CliContext, options: DryRun & { readonly olderThan?: number }): Promise<void> {
  const { output, clock } = context
  const { dryRun } = options
  await withRecords(context, options, false, async ({ store, folders, config }) => {
    const olderThanDays = options.olderThan ?? config.records.archiveAfterDays
    const given = { folder: folders.archiveFolder, clock, olderThanDays, dryRun, onProgress: progressOf(context) }
    const report = valueOrFail(await archiveRecords(store, given))
    if (!dryRun) {
      const target = report.folder ?? folders.archiveFolder
      await noteAct(context, store, { tenant: EVERYBODY, action: 'records.archive', target, result: 'ok' })
    }
    if (options.json) return output.json({ olderThanDays, dryRun, ...report })
    const rows = rowsText(report.copied)
    if (dryRun) output.line(rows === '' ? `nothing is older than ${olderThanDays} days` : `would archive ${rows}`)
    else if (report.folder === undefined) output.line(`nothing is older than ${olderThanDays} days`)
    else output.line(`archived ${rows} to ${report.folder}`)
    if (report.deleted > 0) output.line(`${countText(report.deleted, 'row')} deleted from ${store.database.place}`)
    if (report.changed > 0) output.line(`${countText(report.changed, 'row')} changed meanwhile and stayed`)
    if (report.expired > 0) output.line(`${countText(report.expired, 'final')} deleted: kept long enough`)
  })
}

export interface ForgetFlags extends DryRun {
  readonly tenant: string
  readonly also?: readonly string[]
  readonly yes: boolean
}

export async function forget(context: CliContext, userId: string, options: ForgetFlags): Promise<void> {
  const { output, clock, cwd } = context
  const { tenant } = options
  const dryRun = options.dryRun || !options.yes
  await withRecords(context, options, true, async ({ store, folders }) => {
    const report = valueOrFail(
      await forgetUser(store, {
        tenant,
        userId,
        clock,
        spillFiles: await folders.spillFiles(),
        archiveFolder: folders.archiveFolder,
        exports: (options.also ?? []).map((dir) => path.resolve(cwd, dir)),
        actor: actorOf(),
        dryRun,
      }),
    )
    if (options.json) output.json({ tenant, dryRun, ...report })
    else {
      const { sessions, finals, audit } = report.rows
      const would = dryRun ? 'would be ' : ''
      output.line(`${store.database.place}: ${rowsText({ sessions, finals }) || 'no rows'} ${would}deleted`)
      output.line(`audit log: ${countText(audit, 'act')} ${would}kept under another name`)
      output.line(`waiting on disk: ${countText(report.spilled, 'record')} ${would}deleted or renamed`)
      output.line(
        `archives: ${countText(report.archived.records, 'record')} in ${countText(report.archived.files, 'file')} ${would}rewritten`,
      )
      if (options.also) {
        output.line(
          `exports: ${countText(report.exported.records, 'record')} in ${countText(report.exported.files, 'file')} ${would}rewritten`,
        )
      }
      for (const remark of dryRun ? [] : report.remarks) output.note(`note: ${remark}`)
    }
    if (dryRun && !options.dryRun) {
      throw new CliError('nothing was deleted: this cannot be undone; to do it, add --yes', EXIT.usage)
    }
  })
}

export async function retention(
  context: CliContext,
  options: RecordsOptions & { readonly tenant?: string; readonly days?: number },
): Promise<void> {
  const { output } = context
  const { tenant, days } = options
  if ((tenant === undefined) !== (days === undefined)) {
    throw new CliError('--tenant and --days are given together: --tenant default --days 30', EXIT.usage)
  }
  await withRecords(context, options, tenant !== undefined, async ({ store }) => {
    if (tenant !== undefined && days !== undefined) {
      valueOrFail(await store.retention.set(tenant, days))
      await noteAct(context, store, { tenant, action: 'records.retention', target: `${days} days`, result: 'ok' })
    }
    const kept = valueOrFail(await store.retention.all())
    if (options.json) return output.json(Object.fromEntries(kept))
    if (kept.size === 0) output.line('no tenant keeps finals')
    for (const [name, finalsDays] of kept) {
      output.line(
        `${name}: ${finalsDays === 0 ? 'keeps no finals' : `finals are kept ${countText(finalsDays, 'day')}`}`,
      )
    }
  })
}

/** The latest sessions of a tenant, newest first. */
export async function list(
  context: CliContext,
  options: RecordsOptions & { readonly tenant: string; readonly user?: string; readonly limit: number },
): Promise<void> {
  const { output } = context
  const { tenant, user, limit } = options
  await withRecords(context, options, false, async ({ store }) => {
    const wanted = { tenant, limit, ...(user === undefined ? {} : { userId: user }) }
    const sessions = valueOrFail(await store.sessions.list(wanted))
    if (options.json) return output.json({ tenant, sessions })
    if (sessions.length === 0) return output.line(`no sessions of ${tenant}`)
    const at = (ms: number | null) => (ms === null ? '-' : new Date(ms).toISOString().slice(0, 19).replace('T', ' '))
    const rows = sessions.map((row) => [
      row.sessionId,
      row.userId,
      row.pod,
      row.language,
      at(row.startedAtMs),
      at(row.endedAtMs),
      row.endReason ?? '-',
    ])
    const headings = ['session', 'user', 'pod', 'language', 'start (UTC)', 'end (UTC)', 'reason']
    for (const line of table([headings, ...rows])) output.line(line)
  })
}

export async function usage(
  context: CliContext,
  options: RecordsOptions & { readonly tenant?: string; readonly days: number },
): Promise<void> {
  const { output, clock } = context
  const { tenant } = options
  await withRecords(context, options, false, async ({ store }) => {
    const nowMs = clock.wallMs()
    const wanted = { fromDay: utcDayOf(nowMs - (options.days - 1) * DAY_MS), toDay: utcDayOf(nowMs) }
    const days = valueOrFail(await store.usage.perDay({ ...wanted, ...(tenant === undefined ? {} : { tenant }) }))
    if (options.json) return output.json({ ...wanted, days })
    if (days.length === 0) return output.line(`no usage from ${wanted.fromDay} to ${wanted.toDay}`)
    const rows = days.map((day) => [
      day.tenant,
      day.day,
      (day.speechMs / 1_000).toFixed(1),
      String(day.translatedCharacters),
      String(day.providerTokens),
    ])
    for (const line of table([['tenant', 'day (UTC)', 'speech (s)', 'translated (characters)', 'tokens'], ...rows])) {
      output.line(line)
    }
  })
}
