// What a supervised member process (pod or speech worker) and its supervisor say to each other over the IPC channel of
// child_process.fork. Started without a channel, a member reads its own configuration and has no supervisor.
import type { WorkerEngine, WorkerRole } from '@parley/protocol'

/** Where a speech worker can be reached by pods. */
export interface WorkerAddress {
  readonly workerId: string
  /** ws:// or wss:// address of its link listener. */
  readonly url: string
}

/** Streams of one role that a worker takes, and how that number was found, as the end of a sentence. */
export interface RoleSlots {
  readonly slots: number
  readonly how: string
  /** What keeps the engine, or one of several, from working. */
  readonly problem?: string
}

/** One process of a platform as its supervisor sees it, running or not. */
export interface SupervisedMember {
  /** `pod`, `pod 2`, `worker 1` ...: stays when the process is started again. */
  readonly name: string
  readonly kind: 'pod' | 'worker'
  /** `restarting`: gone, and to be started again. */
  readonly state: 'starting' | 'ready' | 'restarting' | 'stopping' | 'ended'
  /** Undefined while there is no process. */
  readonly pid?: number
  /** Workers that are ready. */
  readonly workerId?: string
  /** Pods that are ready. */
  readonly podId?: string
  /** Ends in a row without a healthy stretch between them; absent when there were none. */
  readonly failures?: number
  /** What a draining worker has left of the time it was given. */
  readonly drainWithinMs?: number
}

/** A pod's place on its machine: whoever is started there is the same member of the fleet. */
export interface PodPlace {
  /** Letters, digits and dashes: `pod`, `pod-2`. */
  readonly name: string
  /** Its predecessor there is known to have ended. */
  readonly isNext: boolean
}

export type SupervisorToMember<Config = unknown> =
  /** First message: the resolved configuration and the secrets the member may know. */
  | {
      readonly type: 'start'
      readonly config: Config
      readonly fleetSecret: string
      /** Workers: the part of the machine that is theirs (0..1]; shared evenly with other workers of the machine unless told. */
      readonly machineShare?: number
      /** Workers: their id; a new one unless told. */
      readonly memberId?: string
      /** Pods: what keeps their id and the orders they were given from start to start; without it they begin anew. */
      readonly place?: PodPlace
    }
  /** To pods: the whole set of workers there are now (desired state; an empty set means empty). */
  | { readonly type: 'workers'; readonly workers: readonly WorkerAddress[] }
  /** To pods: every process of the platform, whenever something about them changes. */
  | { readonly type: 'members'; readonly members: readonly SupervisedMember[] }
  /**
   * To workers: take no new streams and say so (`worker.load` with state `draining`); those there are go on until pods have moved them or they
   * end. Pods have `withinMs` for that. Telling it again is a new time. The process stays.
   */
  | { readonly type: 'drain'; readonly withinMs: number }
  /** To workers: take streams again. */
  | { readonly type: 'undrain' }
  /** Mint a one-time code for the page (pods). Answered by `pageCode`. */
  | { readonly type: 'mintPageCode'; readonly requestId: string }
  /** Same as SIGTERM: tell everyone why, close, exit 0. */
  | { readonly type: 'stop' }

export type MemberToSupervisor =
  | {
      readonly type: 'ready'
      readonly member: 'pod'
      readonly podId: string
      readonly url: string
      /** The public listener is bound to it; `url` may be that of a proxy. A pod of an earlier version says nothing. */
      readonly port?: number
      readonly adminUrl: string
    }
  | {
      readonly type: 'ready'
      readonly member: 'worker'
      readonly workerId: string
      readonly url: string
      readonly engines: readonly WorkerEngine[]
      readonly slots: number
      readonly roles?: Readonly<Partial<Record<WorkerRole, RoleSlots>>>
    }
  /** Workers: the number of slots of a role has changed since `ready`. */
  | ({ readonly type: 'resized'; readonly role: WorkerRole } & RoleSlots)
  /** Pods: engines of the connected workers changed. */
  | { readonly type: 'engines'; readonly engines: readonly WorkerEngine[]; readonly slots: number }
  | { readonly type: 'pageCode'; readonly requestId: string; readonly code: string }
  /** Pods: an operator wants this worker drained within that time, or, without one, back. */
  | { readonly type: 'drainWorker'; readonly workerId: string; readonly withinMs?: number }
  /** Pods: an operator wants this member ended and started again, after what it is told to wait for by whoever asks. */
  | { readonly type: 'restartMember'; readonly name: string }
  /** The member cannot start; it exits with `exitCode` after this. One line for a person. */
  | { readonly type: 'failed'; readonly code: string; readonly message: string; readonly exitCode: number }
