// `parley records`: taking records out, bringing them back, archiving, forgetting, and how long finals are kept.
import { MAX_PAGE } from '@parley/store'
import { Command, Option } from 'commander'
import type { CliContext } from '../context.ts'
import { addRecordsOptions } from './place.ts'
import { archive, exportTo, forget, list, restoreFrom, retention, usage } from './records-run.ts'
import { countOf, daysOf } from './values.ts'

const dryRun = () => new Option('--dry-run', 'only say what would be done').default(false)

function exportCommand(context: CliContext): Command {
  return addRecordsOptions(new Command('export'))
    .description(
      'Write all records into files of a folder: gzip, one JSON line per record, and a manifest with counts and SHA-256. The platform may run meanwhile.',
    )
    .argument('<dir>', 'folder that is not there yet, or is empty')
    .addOption(new Option('--tenant <tenant>', "only this tenant's"))
    .addOption(dryRun())
    .action((dir, options) => exportTo(context, dir, options))
}

function restoreCommand(context: CliContext): Command {
  return addRecordsOptions(new Command('restore'))
    .description(
      'Bring an export or an archive back. Files are checked before the first record is written; what is there already stays; users who were forgotten stay so.',
    )
    .argument('<dir>', 'an export, one run of the archive, or a folder of such')
    .addOption(dryRun())
    .action((dir, options) => restoreFrom(context, dir, options))
}

function archiveCommand(context: CliContext): Command {
  return addRecordsOptions(new Command('archive'))
    .description(
      'Move old records into files of the data directory now, as is done once a day: copied, read back and compared, then deleted. Finals whose tenant keeps them no longer are deleted.',
    )
    .addOption(new Option('--older-than <days>', 'default: records.archiveAfterDays').argParser(daysOf(1)))
    .addOption(dryRun())
    .action((options) => archive(context, options))
}

function forgetCommand(context: CliContext): Command {
  return addRecordsOptions(new Command('forget-user'))
    .description(
      'Delete everything of a user: rows, records that wait on disk, archives (rewritten). Acts stay in the audit log under another name. Says what it did and what is left to do.',
    )
    .argument('<user>', 'id of the user within the tenant')
    .addOption(new Option('--tenant <tenant>', 'whose user').default('default'))
    .addOption(
      new Option('--also <dir>', 'an export that is to be rewritten, too; repeatable').argParser(
        (value: string, all: readonly string[] = []) => [...all, value],
      ),
    )
    .option('--yes', 'do it; without it the command only counts', false)
    .addOption(dryRun())
    .action((user, options) => forget(context, user, options))
}

function retentionCommand(context: CliContext): Command {
  return addRecordsOptions(new Command('retention'))
    .description('How long tenants keep the text of what was said: none unless told. Shows all, or sets one.')
    .addOption(new Option('--tenant <tenant>', 'tenant to set; needs --days'))
    .addOption(new Option('--days <days>', '0 = keep no text, and delete what is there').argParser(daysOf(0)))
    .action((options) => retention(context, options))
}

function listCommand(context: CliContext): Command {
  return addRecordsOptions(new Command('list'))
    .description('The latest sessions: whose, where, when, how they ended.')
    .addOption(new Option('--tenant <tenant>', 'whose sessions').default('default'))
    .addOption(new Option('--user <user>', 'only this user'))
    .addOption(new Option('--limit <n>', `how many, at most ${MAX_PAGE}`).argParser(countOf(1, MAX_PAGE)).default(20))
    .action((options) => list(context, options))
}

function usageCommand(context: CliContext): Command {
  return addRecordsOptions(new Command('usage'))
    .description('Seconds of speech, translated characters and provider tokens per tenant and UTC day.')
    .addOption(new Option('--tenant <tenant>', 'only this tenant'))
    .addOption(new Option('--days <days>', 'how many days back, today included').argParser(daysOf(1)).default(30))
    .action((options) => usage(context, options))
}

export function createRecordsCommand(context: CliContext): Command {
  return new Command('records')
    .description(
      'What is kept of sessions: who and when, texts where a tenant wants them, usage, administrative acts. ' +
        'Exit codes: 1 = damaged, or another process is at it; 2 = refused; 5 = no records, or the database cannot be reached.',
    )
    .addCommand(listCommand(context))
    .addCommand(exportCommand(context))
    .addCommand(restoreCommand(context))
    .addCommand(archiveCommand(context))
    .addCommand(forgetCommand(context))
    .addCommand(retentionCommand(context))
    .addCommand(usageCommand(context))
}
