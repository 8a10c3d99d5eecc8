// Changes one value of a plan file by its path. Keys may hold dots (`t3.small`): the longest key that fits is taken.
import { PlanFileSchema } from '../plan-file.ts'
import { nearest } from '../units/nearest.ts'
import { isSourced } from './validate.ts'

export interface SetProblem {
  readonly message: string
  readonly nearest: string | null
}

type Mapping = Record<string, unknown>
const isMapping = (data: unknown): data is Mapping => typeof data === 'object' && data !== null

/** Names of lists go by their index or by the name of their entry (`savings.spot.share`). */
function step(data: Mapping, path: string): { key: string; rest: string } {
  const keys = Object.keys(data).filter((key) => path === key || path.startsWith(`${key}.`))
  const longest = keys.sort((a, b) => b.length - a.length)[0]
  if (longest !== undefined) return { key: longest, rest: path.slice(longest.length + 1) }
  if (Array.isArray(data)) {
    const named = data.findIndex(
      (item) =>
        isMapping(item) && typeof item.name === 'string' && (path === item.name || path.startsWith(`${item.name}.`)),
    )
    if (named >= 0) return { key: String(named), rest: path.slice(String((data[named] as Mapping).name).length + 1) }
  }
  const dot = path.indexOf('.')
  return dot < 0 ? { key: path, rest: '' } : { key: path.slice(0, dot), rest: path.slice(dot + 1) }
}

const SECTIONS: readonly string[] = Object.keys((PlanFileSchema as unknown as { properties: object }).properties)

/** Puts `value` at `path`; a path without a section is that of a quantity. Undefined when done. */
export function setAt(file: object, path: string, value: unknown): SetProblem | undefined {
  const root = file as Mapping
  const head = path.split('.')[0] ?? ''
  const quantities = root.quantities as Mapping | undefined
  const grown = (root.growth as { of?: Mapping } | undefined)?.of ?? {}
  if (SECTIONS.includes(head) && head !== path) return put(root, path, path, value)
  if (quantities !== undefined && Object.hasOwn(quantities, path)) return put(quantities, path, path, value)
  if (Object.hasOwn(grown, path)) {
    root.quantities = { ...quantities, [path]: value }
    return undefined
  }
  if (SECTIONS.includes(head)) return put(root, path, path, value)
  const near = nearest(path, [...Object.keys(quantities ?? {}), ...Object.keys(grown), ...SECTIONS]) ?? null
  const help =
    near === null
      ? 'name a quantity, or a path that starts with a section (tiers.app.instances)'
      : `did you mean ${near}?`
  return { message: `there is no ${path} to set; ${help}`, nearest: near }
}

function put(data: Mapping, path: string, whole: string, value: unknown): SetProblem | undefined {
  const { key, rest } = step(data, path)
  if (rest === '') {
    data[key] = value
    return undefined
  }
  const next = data[key]
  if (next === undefined) {
    const near = nearest(key, Object.keys(data)) ?? null
    return {
      message: `${whole} leads nowhere: there is no ${key}${near === null ? '' : `; did you mean ${near}?`}`,
      nearest: near,
    }
  }
  if (!isMapping(next) || isSourced(next))
    return { message: `${whole} leads nowhere: ${key} is a value`, nearest: null }
  return put(next, rest, whole, value)
}
