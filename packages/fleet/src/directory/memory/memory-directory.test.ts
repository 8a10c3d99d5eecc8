import { memorySubject } from '../../testing/directory-rig.ts'
import { membershipContract } from '../../testing/membership-contract.ts'
import { ownershipContract } from '../../testing/ownership-contract.ts'
import { placementContract } from '../../testing/placement-contract.ts'

membershipContract('in memory', memorySubject)
placementContract('in memory', memorySubject)
ownershipContract('in memory', memorySubject)
