// The least of a pod that the supervisor can tell from a real one: listeners, the IPC contract, an end. FAKE_POD=stubborn
// ignores the wish to stop; FAKE_POD=broken throws at once.
import http from 'node:http'
import type { AddressInfo } from 'node:net'
import type { ResolvedConfig } from '@parley/config'
import type { MemberToSupervisor, PodPlace, SupervisedMember, SupervisorToMember } from '@parley/fleet'

const mode = process.env.FAKE_POD ?? ''
if (mode === 'broken') throw new TypeError('the fake pod is broken')

let members: readonly SupervisedMember[] = []
let place: PodPlace | undefined

const tell = (message: MemberToSupervisor) => process.send?.(message)
const answer = (response: http.ServerResponse, status: number, body: unknown) => {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
}

function listen(server: http.Server, where: { host: string; port: number } | { path: string }): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(where, resolve)
  })
}

async function start(config: ResolvedConfig): Promise<void> {
  const server = http.createServer((_request, response) => answer(response, 200, { pid: process.pid }))
  const admin = http.createServer((request, response) => {
    if (request.method === 'POST' && request.url === '/admin/page-codes')
      return answer(response, 200, { code: 'again' })
    if (request.url === '/fleet') return answer(response, 200, { members })
    if (request.url === '/start') return answer(response, 200, place ? { place } : {})
    if (request.method === 'POST' && request.url?.startsWith('/restart?')) {
      tell({ type: 'restartMember', name: decodeURIComponent(request.url.slice('/restart?'.length)) })
      return answer(response, 200, {})
    }
    if (request.method === 'POST' && request.url === '/drain') {
      const workerId = members.find((member) => member.workerId !== undefined)?.workerId ?? ''
      tell({ type: 'drainWorker', workerId, withinMs: 20_000 })
      return answer(response, 200, { workerId })
    }
    return answer(response, 200, { status: 'ok', sessions: 0, engines: [{ name: 'fake', ready: true }] })
  })
  try {
    await listen(server, { host: config.server.host, port: config.server.port })
    await listen(admin, { path: config.admin.socket })
  } catch (error) {
    tell({ type: 'failed', code: 'PORT_IN_USE', message: (error as Error).message, exitCode: 3 })
    process.exitCode = 3
    process.disconnect()
    return
  }
  const { port } = server.address() as AddressInfo
  // Of a later version.
  process.send?.({ type: 'somethingNew' })
  const url = `http://${config.server.host}:${port}`
  tell({ type: 'ready', member: 'pod', podId: 'pod_fake', url, port, adminUrl: `unix:${config.admin.socket}` })
}

process.on('disconnect', () => process.exit(0))
process.on('message', (message: SupervisorToMember<ResolvedConfig>) => {
  switch (message.type) {
    case 'start':
      place = message.place
      void start(message.config)
      break
    case 'workers': {
      const count = message.workers.length
      const engine = { name: 'fake', languages: ['en'], ready: true }
      tell({ type: 'engines', engines: count > 0 ? [engine] : [], slots: 4 * count })
      break
    }
    case 'members':
      members = message.members
      break
    case 'mintPageCode':
      tell({ type: 'pageCode', requestId: message.requestId, code: 'once' })
      break
    case 'stop':
      if (mode !== 'stubborn') process.exit(0)
  }
})
