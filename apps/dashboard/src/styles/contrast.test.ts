import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'

const css = readFileSync(new URL('./tokens.css', import.meta.url), 'utf8')
const [lightCss, darkCss] = css.split('@media (prefers-color-scheme: dark)') as [string, string]

function tokensOf(source: string): Map<string, string> {
  return new Map(
    [...source.matchAll(/--([a-z-]+):\s*(#[0-9a-f]{6});/g)].map((match) => [match[1], match[2]] as [string, string]),
  )
}

const light = tokensOf(lightCss)
const themes = { light, dark: new Map([...light, ...tokensOf(darkCss)]) }

/** Relative luminance, WCAG 2.2. */
function luminance(hex: string): number {
  const [red, green, blue] = [1, 3, 5].map((at) => {
    const value = Number.parseInt(hex.slice(at, at + 2), 16) / 255
    return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4
  }) as [number, number, number]
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue
}

function contrast(one: string, other: string): number {
  const [lighter, darker] = [luminance(one), luminance(other)].sort((a, b) => b - a) as [number, number]
  return (lighter + 0.05) / (darker + 0.05)
}

/** Text on its ground: 4.5; outlines and marks of controls: 3. */
const PAIRS: readonly (readonly [string, string, number])[] = [
  ['ink', 'paper', 7],
  ['ink', 'surface', 7],
  ['ink', 'waiting-soft', 4.5],
  ['ink', 'trouble-soft', 4.5],
  ['ink-soft', 'paper', 4.5],
  ['ink-soft', 'surface', 4.5],
  ['accent', 'paper', 4.5],
  ['accent', 'surface', 4.5],
  ['accent', 'accent-soft', 4.5],
  ['on-accent', 'accent', 4.5],
  ['on-accent', 'accent-strong', 4.5],
  ['waiting', 'paper', 4.5],
  ['trouble', 'paper', 4.5],
  ['trouble', 'trouble-soft', 4.5],
  ['paper', 'ink', 7],
  ['edge', 'paper', 3],
  ['edge', 'surface', 3],
  ['focus', 'paper', 3],
  ['focus', 'surface', 3],
]

for (const [theme, tokens] of Object.entries(themes)) {
  test(`[PG13] every pair of colours in use has its contrast: ${theme}`, () => {
    for (const [front, back, least] of PAIRS) {
      const ratio = contrast(tokens.get(front) as string, tokens.get(back) as string)
      assert.ok(ratio >= least, `--${front} on --${back}: ${ratio.toFixed(2)}, at least ${least}`)
    }
  })
}
