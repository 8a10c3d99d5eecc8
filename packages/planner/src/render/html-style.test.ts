import assert from 'node:assert/strict'
import test from 'node:test'
import { DARK, LIGHT, STYLE, type Token } from './html-style.ts'

/** Relative luminance, WCAG 2.2. */
function luminance(hex: string): number {
  const [red = 0, green = 0, blue = 0] = [1, 3, 5].map((at) => {
    const value = Number.parseInt(hex.slice(at, at + 2), 16) / 255
    return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4
  })
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue
}

function contrast(one: string, other: string): number {
  const [lighter = 0, darker = 0] = [luminance(one), luminance(other)].sort((a, b) => b - a)
  return (lighter + 0.05) / (darker + 0.05)
}

const PAIRS: readonly (readonly [Token, Token, number])[] = [
  ['ink', 'paper', 7],
  ['ink', 'surface', 7],
  ['ink', 'bad-soft', 4.5],
  ['ink', 'warn-soft', 4.5],
  ['ink-soft', 'paper', 4.5],
  ['ink-soft', 'surface', 4.5],
  ['ink-soft', 'bad-soft', 4.5],
  ['ink-soft', 'warn-soft', 4.5],
  ['accent', 'paper', 4.5],
  ['accent', 'surface', 4.5],
  ['good', 'surface', 4.5],
  ['good', 'paper', 4.5],
  ['warn', 'surface', 4.5],
  ['warn', 'paper', 4.5],
  ['warn', 'warn-soft', 4.5],
  ['bad', 'surface', 4.5],
  ['bad', 'paper', 4.5],
  ['bad', 'bad-soft', 4.5],
  ['edge', 'paper', 3],
  ['edge', 'surface', 3],
  ...([1, 2, 3, 4, 5, 6] as const).map((at): [Token, Token, number] => [`series-${at}`, 'paper', 3]),
]

for (const [theme, tokens] of Object.entries({ light: LIGHT, dark: DARK })) {
  test(`[RN8] every pair of colours in use has its contrast: ${theme}`, () => {
    for (const [front, back, least] of PAIRS) {
      const ratio = contrast(tokens[front], tokens[back])
      assert.ok(ratio >= least, `--${front} on --${back}: ${ratio.toFixed(2)}, at least ${least}`)
    }
  })
}

test('[RN8] lines are told apart by dashes as well, and every colour of the style sheet is a token', () => {
  const dashes = [...STYLE.matchAll(/\.line-\d\{[^}]*stroke-dasharray:([^;]+);/g)].map(([, dash]) => dash)
  assert.equal(new Set(dashes).size, 6)
  const outside = STYLE.replace(/:root\{[^}]*\}/g, '').match(/#[0-9a-f]{3,6}\b/gi) ?? []
  assert.deepEqual(outside, ['#fff'])
})
