// Cuts an expression into tokens. A number carries its unit: that is what tells `12 requests/min` (a rate) from
// `12 requests / minutes` (a division).
import { err, ok, type Result } from '@parley/kernel'
import { CURRENCY_SIGNS } from '../units/unit-table.ts'
import type { ExpressionProblem } from './ast.ts'

export interface Numeral {
  readonly value: number
  /** Sign before it (`$`) as a code; undefined without one. */
  readonly currency: string | undefined
  readonly unitText: string
  readonly unitOffset: number
}

export type Token =
  | {
      readonly kind: 'number'
      readonly low: Numeral
      readonly high: Numeral | undefined
      readonly text: string
      readonly offset: number
    }
  | { readonly kind: 'name'; readonly name: string; readonly month: number | undefined; readonly offset: number }
  | { readonly kind: 'sign'; readonly sign: string; readonly offset: number }

const NUMBER = /(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.(?!\.)\d+)?(?:[eE][+-]?\d+(?![A-Za-z]))?/y
const MULTIPLIER = /[kKM](?![A-Za-z])/y
const UNIT =
  /[ ]?(%(?: (?:cpu|CPU|vCPU|cores?|gpu|GPU)(?![A-Za-z]))?|[A-Za-z]+(?:-[A-Za-z]+)*)?((?:\/[A-Za-z]+(?:-[A-Za-z]+)*)*)/y
const NAME = /[A-Za-z_][A-Za-z0-9_]*(?:[.-][A-Za-z0-9_]+)*/y
const MONTH = /@(\d+)/y
const SIGN = /<=|>=|[-+*/^(),<>=]/y
const SIZES: Readonly<Record<string, number>> = { k: 1e3, K: 1e3, M: 1e6 }

function at(pattern: RegExp, text: string, offset: number): RegExpExecArray | null {
  pattern.lastIndex = offset
  return pattern.exec(text)
}

function numeral(text: string, start: number): { numeral: Numeral; end: number } | undefined {
  let offset = start
  const currency = CURRENCY_SIGNS[text[offset] ?? '']
  if (currency !== undefined) offset += text[offset + 1] === ' ' ? 2 : 1
  const digits = at(NUMBER, text, offset)
  if (!digits) return undefined
  offset += digits[0].length
  let value = Number(digits[0].replaceAll(',', ''))
  const size = at(MULTIPLIER, text, offset)
  if (size) {
    value *= SIZES[size[0]] as number
    offset += 1
  }
  const unit = at(UNIT, text, offset)
  const written = unit ? `${unit[1] ?? ''}${unit[2] ?? ''}` : ''
  if (!unit || written === '') return { numeral: { value, currency, unitText: '', unitOffset: offset }, end: offset }
  const unitOffset = offset + (unit[0].startsWith(' ') ? 1 : 0)
  return { numeral: { value, currency, unitText: written, unitOffset }, end: offset + unit[0].length }
}

function numberToken(text: string, offset: number): { token: Token; end: number } | undefined {
  const first = numeral(text, offset)
  if (!first) return undefined
  let { end } = first
  let high: Numeral | undefined
  const dots = /\s*\.\.\s*/y
  const range = at(dots, text, end)
  if (range) {
    const second = numeral(text, end + range[0].length)
    if (second) {
      high = second.numeral
      end = second.end
    }
  }
  return { token: { kind: 'number', low: first.numeral, high, text: text.slice(offset, end), offset }, end }
}

function nameToken(text: string, offset: number): { token: Token; end: number } | undefined {
  const name = at(NAME, text, offset)
  if (!name) return undefined
  const end = offset + name[0].length
  const month = at(MONTH, text, end)
  return {
    token: { kind: 'name', name: name[0], month: month ? Number(month[1]) : undefined, offset },
    end: end + (month?.[0].length ?? 0),
  }
}

export function tokensOf(text: string): Result<readonly Token[], ExpressionProblem> {
  const tokens: Token[] = []
  let offset = 0
  while (offset < text.length) {
    if (/\s/.test(text[offset] as string)) {
      offset += 1
      continue
    }
    const found = numberToken(text, offset) ?? nameToken(text, offset)
    if (found) {
      tokens.push(found.token)
      offset = found.end
      continue
    }
    const sign = at(SIGN, text, offset)
    if (!sign) {
      const rest = text.slice(offset, offset + 12)
      const help = rest.startsWith('~')
        ? 'write a range (5..10 MB) instead'
        : 'write numbers with units, names and + - * / ^ ( )'
      return err({ code: 'BAD_EXPRESSION', message: `"${rest}" cannot be read; ${help}`, offset, nearest: null })
    }
    tokens.push({ kind: 'sign', sign: sign[0], offset })
    offset += sign[0].length
  }
  return ok(tokens)
}
