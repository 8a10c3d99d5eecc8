// What all charts have in common: the picture's frame with its name for those who do not see it, scales, axes.
import { linearTicks, logTicks, tickFigure } from '../figures.ts'
import { element, escapeText, LETTER_PX } from './markup.ts'

export interface Picture {
  readonly id: string
  readonly title: string
  readonly description: string
  readonly widthPx: number
  /** `wide` or `narrow`: the page shows one of them. */
  readonly variant: string
}

/** An SVG of the given height around `parts`, named by its title and description. */
export function frame(picture: Picture, heightPx: number, parts: readonly string[]): string {
  const { id, title, description, widthPx, variant } = picture
  const [titleId, descriptionId] = [`${id}-${variant}-title`, `${id}-${variant}-text`]
  return element(
    'svg',
    {
      class: `chart ${variant}`,
      viewBox: `0 0 ${widthPx} ${heightPx}`,
      width: widthPx,
      height: heightPx,
      role: 'img',
      'aria-labelledby': `${titleId} ${descriptionId}`,
    },
    element('title', { id: titleId }, escapeText(title)),
    element('desc', { id: descriptionId }, escapeText(description)),
    ...parts,
  )
}

export interface Scale {
  readonly at: (value: number) => number
  readonly ticks: readonly number[]
}

/** From 0, or from `min` where that is lower, to the tick at or above `max`. */
export function linearScale(min: number, max: number, fromPx: number, toPx: number, mostTicks: number): Scale {
  const ticks = linearTicks(max > 0 ? max : 1, mostTicks)
  const highest = Math.max(max, ticks.at(-1) as number)
  const lowest = Math.min(0, min)
  return { at: (value) => fromPx + ((value - lowest) / (highest - lowest)) * (toPx - fromPx), ticks }
}

export function logScale(min: number, max: number, fromPx: number, toPx: number): Scale {
  const ticks = logTicks(min, max)
  const [low, high] = [Math.log10(ticks[0] ?? 1), Math.log10(ticks.at(-1) ?? 10)]
  return { at: (value) => fromPx + ((Math.log10(value) - low) / (high - low)) * (toPx - fromPx), ticks }
}

export const line = (x1: number, y1: number, x2: number, y2: number, name: string): string =>
  element('line', { x1, y1, x2, y2, class: name })

export function label(
  x: number,
  y: number,
  text: string,
  name = '',
  anchor: 'start' | 'middle' | 'end' = 'start',
): string {
  return element(
    'text',
    { x, y, class: name === '' ? undefined : name, 'text-anchor': anchor === 'start' ? undefined : anchor },
    escapeText(text),
  )
}

/** Grid lines with their numbers below, for a horizontal scale; numbers that would touch are left out. */
export function xGrid(scale: Scale, topPx: number, bottomPx: number, mostPx: number): string[] {
  const parts: string[] = []
  let free = Number.NEGATIVE_INFINITY
  for (const tick of scale.ticks) {
    const x = scale.at(tick)
    parts.push(line(x, topPx, x, bottomPx, 'grid'))
    const text = tickFigure(tick)
    const half = (text.length * LETTER_PX) / 2
    if (x - half < free) continue
    const anchor = x + half > mostPx ? 'end' : x - half < 0 ? 'start' : 'middle'
    parts.push(label(x, bottomPx + 18, text, 'tick', anchor))
    free = x + half + LETTER_PX
  }
  return parts
}

/** A vertical dashed line with a word at its head, on the side where there is room. */
export function mark(
  x: number,
  topPx: number,
  bottomPx: number,
  text: string,
  widthPx: number,
  labelY: number,
): string {
  const anchor = x + text.length * LETTER_PX > widthPx ? 'end' : 'start'
  return (
    line(x, topPx, x, bottomPx, 'mark') + label(anchor === 'end' ? x - 4 : x + 4, labelY, text, 'mark-text', anchor)
  )
}
