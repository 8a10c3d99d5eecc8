// Where the text service meets the records: what translations and providers took, per tenant.
import type { Clock } from '@parley/kernel'
import type { UsageMeter } from '@parley/store'
import type { TextsUsed } from '../text/text-runner.ts'

/** For `onUsage` of the text desk. */
export const textsToRecords =
  (clock: Clock, meter: Pick<UsageMeter, 'add'>) =>
  (tenant: string, used: TextsUsed): void =>
    meter.add(tenant, used, clock.wallMs())
