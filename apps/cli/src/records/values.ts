// Values of options, read strictly.
import { InvalidArgumentError } from 'commander'

const MAX_DAYS = 36_500

/** Whole days from `min` on. */
export const daysOf =
  (min: number) =>
  (text: string): number => {
    const days = Number(text)
    if (/^\d+$/.test(text) && days >= min && days <= MAX_DAYS) return days
    throw new InvalidArgumentError(`"${text}" must be a whole number of days, ${min} to ${MAX_DAYS}.`)
  }
