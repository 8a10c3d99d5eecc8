import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import type { PlanResult, Quantity } from '../result.ts'
import { htmlOf, markdownOf, NO_PAINT, planReport, terminalLines } from './index.ts'
import { sampleCheck, sampleResult } from './testing/sample-result.ts'

/** Every string of the sample replaced, schema words kept. */
function withText(replace: (text: string) => string): PlanResult {
  const words = new Set([
    'measured',
    'given',
    'assumed',
    'instance',
    'shared',
    'met',
    'missed',
    'open',
    'range',
    'tenth',
  ])
  const walk = (value: unknown): unknown => {
    if (typeof value === 'string') return words.has(value) || value.startsWith('at') ? value : replace(value)
    if (Array.isArray(value)) return value.map(walk)
    if (value === null || typeof value !== 'object') return value
    return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, walk(inner)]))
  }
  return walk(sampleResult()) as PlanResult
}

const NASTY = '<script>alert("x")</script>\u001b[31m\u0007\u202e`|*_&amp;\'"\nnew line'

test('[RN5] control characters of a plan never reach the terminal', () => {
  const lines = terminalLines(planReport(withText((text) => text + NASTY)), { columns: 80, paint: NO_PAINT })
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what must not be there
  for (const line of lines) assert.doesNotMatch(line, /[\u0000-\u001f\u007f-\u009f\u202a-\u202e]/)
})

/** A line of markdown without its code spans: a run of backticks up to the next run of the same length. */
function outsideCode(line: string): string {
  const parts = line.split(/(`+)/)
  let text = ''
  for (let at = 0; at < parts.length; at++) {
    const part = parts[at] as string
    const isEscaped = text.endsWith('\\')
    const end = part.startsWith('`') && !isEscaped ? parts.indexOf(part, at + 1) : -1
    if (end > 0) at = end
    else text += part
  }
  return text
}

test('[RN5] markup of a plan is text in the page and in markdown', () => {
  const report = planReport(withText((text) => text + NASTY))
  const html = htmlOf(report)
  assert.doesNotMatch(html, /<script|<\/script/)
  assert.ok(!html.includes('\u001b') && !html.includes('\u0007'))
  assert.ok(html.includes('&lt;script&gt;alert(&quot;x&quot;)'))
  const markdown = markdownOf(report)
  for (const line of markdown.split('\n')) assert.doesNotMatch(outsideCode(line), /(?<!\\)<script/)
  const rows = markdown.split('\n').filter((line) => line.startsWith('| '))
  assert.ok(rows.length > 20)
})

test('[RN6] the page loads nothing and runs nothing', () => {
  const html = htmlOf(planReport(sampleResult(), { check: sampleCheck() }))
  assert.match(
    html,
    /<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'/,
  )
  assert.doesNotMatch(html, /<script|<link|<img|<iframe|@import|url\(|https?:|\son[a-z]+=/i)
})

test('[RN7] ids are unique, names lead somewhere, headings do not skip, tables have heads', () => {
  const html = htmlOf(planReport(sampleResult(), { check: sampleCheck() }))
  const ids = [...html.matchAll(/\sid="([^"]*)"/g)].map(([, id]) => id as string)
  assert.equal(new Set(ids).size, ids.length)
  for (const [, refs = ''] of html.matchAll(/aria-labelledby="([^"]*)"/g)) {
    for (const id of refs.split(' ')) assert.ok(ids.includes(id), id)
  }
  for (const [, target = ''] of html.matchAll(/href="#([^"]*)"/g)) assert.ok(ids.includes(target), target)
  let level = 0
  for (const [, digit] of html.matchAll(/<h([1-6])/g)) {
    assert.ok(Number(digit) <= level + 1, `h${digit} after h${level}`)
    level = Number(digit)
  }
  for (const table of html.match(/<table>[\s\S]*?<\/table>/g) ?? []) {
    assert.match(table, /^<table><caption/)
    assert.doesNotMatch(table, /<th[^>]*><\/th>/)
    for (const row of table.match(/<tr>[\s\S]*?<\/tr>/g)?.slice(1) ?? []) assert.match(row, /^<tr><th scope="row"/)
  }
  for (const svg of html.match(/<svg class="chart [\s\S]*?<\/svg>/g) ?? []) {
    assert.match(
      svg,
      /role="img" aria-labelledby="[^"]+"><title id="[^"]+">[^<]+<\/title><desc id="[^"]+">[^<]+<\/desc>/,
    )
  }
  assert.doesNotMatch(html, /NaN|undefined|Infinity|\[object/)
})

test('[RN14] any result can be shown, whatever is missing in it', () => {
  const number = fc.option(fc.oneof(fc.double({ noNaN: true, min: -1e90, max: 1e90 }), fc.constant(0), fc.nat()))
  const random = (seed: fc.GeneratorValue): PlanResult => {
    const walk = (value: unknown): unknown => {
      if (value === null) return null
      if (Array.isArray(value)) return seed(() => fc.boolean()) ? value.map(walk) : []
      if (typeof value !== 'object') return value
      if (!('standing' in value && 'method' in value)) {
        return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, walk(inner)]))
      }
      const typical = seed(() => number)
      const text = typical === null ? 'unbounded' : String(typical)
      return { ...(value as Quantity), typical, low: seed(() => number), high: seed(() => number), text }
    }
    const whole = walk(sampleResult()) as PlanResult
    return seed(() => fc.boolean()) ? whole : { ...whole, costs: null, tier: null, binding: null }
  }
  fc.assert(
    fc.property(fc.gen(), (seed) => {
      const report = planReport(random(seed))
      const html = htmlOf(report)
      assert.doesNotMatch(html, /NaN|"undefined|Infinity/)
      assert.notEqual(markdownOf(report), '')
      assert.ok(terminalLines(report, { columns: 80, paint: NO_PAINT }).length > 2)
    }),
    { numRuns: 30, endOnFailure: true },
  )
})
