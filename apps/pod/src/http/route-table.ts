// What the table of operations says about a path: its template in our router's form, and the methods it answers. Pure.
import { OPERATIONS, type Operation, SPEECH_OPERATIONS } from '@parley/protocol'
import { PAGE_PATHS } from './page.ts'

export const WS_ROUTE = '/p/:podId/v1/ws'

/** `/p/<podId>/v1/sessions/...` -> `/v1/sessions/...`; every other address as it is. */
export function withoutPodId(url: string): string {
  return url.replace(/^\/p\/[^/?#]{1,64}(?=\/v1\/sessions\/)/, '')
}

/** `/v1/sessions/{sessionId}` -> `/v1/sessions/:sessionId` */
export function routerPath(path: string): string {
  return path.replaceAll(/\{(\w+)\}/g, ':$1')
}

const METHODS = new Map<RegExp, Set<string>>()
for (const { path, method } of Object.values(OPERATIONS) as Operation[]) addMethod(path, method)
for (const { path } of SPEECH_OPERATIONS) addMethod(path, 'POST')
for (const path of PAGE_PATHS) addMethod(path, 'GET')
addMethod('/p/{podId}/v1/ws', 'GET')

function addMethod(path: string, method: string): void {
  const source = `^${path.replaceAll(/\{\w+\}/g, '[^/]+')}$`
  const known = [...METHODS].find(([pattern]) => pattern.source === new RegExp(source).source)
  if (known) known[1].add(method)
  else METHODS.set(new RegExp(source), new Set([method]))
}

/** Methods that `path` answers, for the Allow header; empty when there is nothing at the path. */
export function allowedMethods(path: string): string[] {
  const entry = [...METHODS].find(([pattern]) => pattern.test(path))
  if (!entry) return []
  const methods = new Set(entry[1])
  if (methods.has('GET')) methods.add('HEAD')
  return [...methods.add('OPTIONS')].sort()
}
