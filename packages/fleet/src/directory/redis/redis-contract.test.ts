import { after } from 'node:test'
import { RedisRig } from '../../testing/directory-rig.ts'
import { membershipContract } from '../../testing/membership-contract.ts'
import { ownershipContract } from '../../testing/ownership-contract.ts'
import { placementContract } from '../../testing/placement-contract.ts'

const rig = new RedisRig()
after(() => rig.stop())

const create: Parameters<typeof membershipContract>[1] = (t) => rig.subject(t)
membershipContract('in Redis', create)
placementContract('in Redis', create)
ownershipContract('in Redis', create)
