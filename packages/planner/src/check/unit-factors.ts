// Factors that come from mixing up units or periods.
import type { Slip } from '../result.ts'

interface UnitFactor {
  readonly factor: number
  readonly kind: Slip['kind']
  readonly what: string
}

const unit = (factor: number, what: string): UnitFactor => ({ factor, kind: 'unit', what })
const period = (factor: number, what: string): UnitFactor => ({ factor, kind: 'basePeriod', what })

const DATA: readonly UnitFactor[] = [
  unit(8, 'bits and bytes'),
  unit(1.024, 'steps of 1,000 and of 1,024'),
  unit(1.024 ** 2, 'decimal and binary megabytes'),
  unit(1.024 ** 3, 'decimal and binary gigabytes'),
  unit(1.024 ** 4, 'decimal and binary terabytes'),
]

const TIME: readonly UnitFactor[] = [
  period(24, 'hours and days'),
  period(60, 'seconds and minutes, or minutes and hours,'),
  period(3_600, 'seconds and hours'),
  period(7, 'days and weeks'),
  period(30, 'days and months'),
  period(12, 'months and years'),
  period(365, 'days and years'),
]

const PLAIN: readonly UnitFactor[] = [
  unit(1_000, 'prefixes of a thousand'),
  unit(1e6, 'prefixes of a million'),
  unit(100, 'shares and per cent'),
]

/** The factors that a number of this kind can be off by; `monthHours` is the plan's month. */
export function unitFactors(monthHours: number, has: { readonly time: boolean; readonly data: boolean }): UnitFactor[] {
  const month = period(monthHours, 'hours and months')
  return [...(has.data ? DATA : []), ...(has.time ? [...TIME, month] : []), ...PLAIN]
}
