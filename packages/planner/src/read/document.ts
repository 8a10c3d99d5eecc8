// The YAML text as plain data with the place of every part. Knows nothing of plans.
import { isMap, isScalar, isSeq, LineCounter, parse, parseDocument, Scalar, type Node as YamlNode } from 'yaml'

export interface Place {
  readonly line: number
  readonly column: number
}

export interface Reading {
  readonly data: unknown
  /** Path (`tiers.app.has.cpu`, `claims.0.of`) to where its value starts; keys end in `#`. */
  readonly places: ReadonlyMap<string, Place>
  readonly errors: readonly { readonly message: string; readonly place: Place }[]
}

/** A plan is written by hand; anything larger is not one. */
export const MAX_PLAN_CHARS = 1_000_000

export const joinPath = (path: string, key: string | number): string => (path === '' ? `${key}` : `${path}.${key}`)

/** Key of `places` for where a key stands. */
export const keyPlace = (path: string): string => `${path}#`

function placesOf(root: YamlNode | null, lines: LineCounter): Map<string, Place> {
  const places = new Map<string, Place>()
  const note = (path: string, node: unknown) => {
    const offset = (node as YamlNode | null)?.range?.[0]
    if (offset === undefined) return
    const { line, col } = lines.linePos(offset)
    const quoted = isScalar(node) && (node.type === Scalar.QUOTE_DOUBLE || node.type === Scalar.QUOTE_SINGLE)
    places.set(path, { line, column: quoted ? col + 1 : col })
  }
  const walk = (node: unknown, path: string): void => {
    note(path, node)
    if (isMap(node)) {
      for (const pair of node.items) {
        const key = joinPath(path, String(isScalar(pair.key) ? pair.key.value : pair.key))
        note(keyPlace(key), pair.key)
        walk(pair.value, key)
      }
    } else if (isSeq(node)) {
      for (const [index, item] of node.items.entries()) walk(item, joinPath(path, index))
    }
  }
  walk(root, '')
  return places
}

export function readDocument(text: string): Reading {
  const start = { line: 1, column: 1 }
  if (text.length > MAX_PLAN_CHARS) {
    return {
      data: null,
      places: new Map(),
      errors: [
        { message: `the file has ${text.length} characters; a plan has at most ${MAX_PLAN_CHARS}`, place: start },
      ],
    }
  }
  const lines = new LineCounter()
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, uniqueKeys: true })
  if (document.errors.length > 0) {
    const errors = document.errors.map((error) => {
      const { line, col } = lines.linePos(error.pos[0])
      return { message: error.message, place: { line, column: col } }
    })
    return { data: null, places: new Map(), errors }
  }
  try {
    return { data: document.toJS({ maxAliasCount: 100 }), places: placesOf(document.contents, lines), errors: [] }
  } catch (error) {
    return { data: null, places: new Map(), errors: [{ message: (error as Error).message, place: start }] }
  }
}

/** A value as it would be read from a file: `2` is a number, `[1 MB, 2 MB]` a list. */
export function readScalar(text: string): unknown {
  try {
    return parse(text, { uniqueKeys: true }) ?? text
  } catch {
    return text
  }
}
