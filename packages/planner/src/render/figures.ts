// Numbers as people write them, for what has no quantity of its own: ratios, ticks of axes.

/** Whole with commas from 100 on; below, up to three significant digits. */
export function figure(value: number): string {
  if (Number.isNaN(value)) return 'undefined'
  if (!Number.isFinite(value)) return value > 0 ? 'unbounded' : '-unbounded'
  const size = Math.abs(value)
  if (size !== 0 && (size >= 1e15 || size < 1e-6)) return value.toExponential(2)
  const digits = size >= 100 || size === 0 ? 0 : Math.max(0, 2 - Math.floor(Math.log10(size)))
  return withCommas(value.toFixed(Math.min(12, digits)))
}

function withCommas(fixed: string): string {
  const [whole = '', fraction = ''] = fixed.split('.')
  const clean = fraction.replace(/0+$/, '')
  return whole.replace(/\B(?=(\d{3})+$)/g, ',') + (clean === '' ? '' : `.${clean}`)
}

const STEPS: readonly (readonly [number, string])[] = [
  [1e12, 'T'],
  [1e9, 'G'],
  [1e6, 'M'],
  [1e3, 'k'],
]

/** Short, for a tick: `1.5k`, `20M`. */
export function tickFigure(value: number): string {
  const step = STEPS.find(([size]) => Math.abs(value) >= size * (size === 1e3 ? 10 : 1))
  return step === undefined ? figure(value) : figure(value / step[0]) + step[1]
}

/** `43 %`, `0.7 %` */
export const percent = (ratio: number): string => {
  const value = ratio * 100
  if (!Number.isFinite(value)) return figure(value)
  const digits = Math.abs(value) >= 10 || value === 0 ? 0 : Math.abs(value) >= 0.1 ? 1 : 2
  return `${withCommas(value.toFixed(digits))} %`
}

/** `2.1 times` */
export const times = (ratio: number): string =>
  `${figure(ratio >= 10 ? Math.round(ratio) : Math.round(ratio * 10 + 1e-9) / 10)} times`

/** Smaller or larger than any number that can be drawn; beyond it there is one tick. */
const [LEAST, MOST] = [1e-100, 1e100]

/** From 0 to at or above `max`, about `most` steps of 1, 2 or 5 times a power of ten. */
export function linearTicks(max: number, most: number): number[] {
  if (!(max > LEAST && max < MOST)) return max > 0 ? [0, max] : [0, 1]
  const rough = max / Math.max(1, most)
  const power = 10 ** Math.floor(Math.log10(rough))
  const step = ([1, 2, 5].find((factor) => factor * power >= rough * 0.999) ?? 10) * power
  const count = Math.ceil(max / step - 1e-9)
  return Array.from({ length: count + 1 }, (_, at) => Number((at * step).toPrecision(12)))
}

/** Powers of ten from at or below `min` to at or above `max`. */
export function logTicks(min: number, max: number): number[] {
  const from = Math.floor(Math.log10(min) + 1e-9)
  const to = Math.max(from + 1, Math.ceil(Math.log10(max) - 1e-9))
  return Array.from({ length: to - from + 1 }, (_, at) => 10 ** (from + at))
}
