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

/** A whole number from `min` to `max`. */
export const countOf =
  (min: number, max: number) =>
  (text: string): number => {
    const count = Number(text)
    if (/^\d+$/.test(text) && count >= min && count <= max) return count
    throw new InvalidArgumentError(`"${text}" must be a whole number, ${min} to ${max}.`)
  }
