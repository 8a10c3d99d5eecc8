// The least of a speech worker that the supervisor can tell from a real one. FAKE_WORKER=broken ends at once with an error.
import type { MemberToSupervisor, SupervisorToMember } from '@parley/fleet'

if (process.env.FAKE_WORKER === 'broken') throw new RangeError('the fake worker is broken')

const tell = (message: MemberToSupervisor) => process.send?.(message)

process.on('disconnect', () => process.exit(0))
process.on('message', (message: SupervisorToMember) => {
  if (message.type === 'stop') process.exit(0)
  if (message.type !== 'start') return
  const engines = [{ name: 'fake', languages: ['en'], ready: true }]
  const workerId = `wrk_${process.pid}`
  tell({ type: 'ready', member: 'worker', workerId, url: 'ws://127.0.0.1:1', engines, slots: 4 })
})
