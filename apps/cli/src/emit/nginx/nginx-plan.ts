// What an emitted nginx is to do, as values. Pure.

/** A host and a port. The host is never empty; IPv6 addresses have no brackets. */
export interface HostPort {
  readonly host: string
  readonly port: number
}

/** A port that nginx listens on, and the members behind it. */
export interface Balanced {
  readonly role: 'recognise' | 'synthesise'
  /** Host `*` = every address of the machine. */
  readonly listen: HostPort
  readonly members: readonly HostPort[]
}

/** A pod, where its public listener is. */
export interface FleetPod {
  /** As in the paths of its sessions; letters, digits, dashes, underscores. */
  readonly id: string
  readonly address: HostPort
}

/** One host name for all pods. */
export interface FleetFront {
  readonly listen: HostPort
  /** The name clients use; whatever they use unless told. */
  readonly hostName: string | undefined
  /** At least one; the first makes the codes of the page. */
  readonly pods: readonly FleetPod[]
  /** The name in the certificates of pods that speak TLS. */
  readonly memberName: string
  /** Sockets and requests one pod takes. */
  readonly connectionsPerPod: number
}

export interface NginxPlan {
  readonly balanced: readonly Balanced[]
  readonly fleet?: FleetFront | undefined
  /** The same client to the same member, while it is there. */
  readonly isSticky: boolean
  /** Stream connections one member takes: it is sent no more. */
  readonly connectionsPerMember: number
  /** A connection on which nothing was said for so long is cut. */
  readonly idleTimeoutMs: number
  /** Failures that put a member out, and for how long. */
  readonly maxFails: number
  readonly failTimeoutMs: number
  /** Where nginx says how it is itself; undefined: nowhere. */
  readonly status: HostPort | undefined
  /** Folder of pid file, logs and temporary files; undefined: the folder nginx is started with (-p). */
  readonly prefix: string | undefined
  readonly tls: { readonly certFile: string; readonly keyFile: string } | undefined
  /** Members speak TLS, with certificates that this file vouches for. */
  readonly memberCaFile: string | undefined
  /** The command line that asked for it, for whoever finds the file. */
  readonly madeBy: string
}

export interface PlanProblem {
  readonly option: string
  readonly message: string
}

/** What would make a configuration that nginx refuses or that does not do what was meant; empty when it is fine. */
export function planProblems(plan: NginxPlan): PlanProblem[] {
  const problems: PlanProblem[] = []
  if (plan.balanced.length === 0 && !plan.fleet) {
    const message =
      'say what to balance, as in --recognise 8000=8001,8011 or --synthesise 8003=8002,8012, or --fleet for pods'
    problems.push({ option: '--recognise', message })
  }
  const listening = plan.balanced.map(({ role, listen }): [string, HostPort] => [`--${role}`, listen])
  if (plan.fleet) {
    listening.push(['--listen', plan.fleet.listen])
    problems.push(...fleetProblems(plan.fleet))
  }
  if (plan.status) listening.push(['--status-port', plan.status])
  for (const [index, [option, address]] of listening.entries()) {
    const other = listening.slice(0, index).find(([, earlier]) => clash(earlier, address))
    if (other) problems.push({ option, message: `port ${address.port} is given to ${other[0]} already` })
  }
  for (const { role, listen, members } of plan.balanced) {
    const seen = new Set<string>()
    for (const member of members) {
      const name = hostPort(member)
      if (seen.has(name)) problems.push({ option: `--${role}`, message: `${name} is named twice` })
      seen.add(name)
      if (callsItself(member, listen)) {
        problems.push({ option: `--${role}`, message: `${name} is the balancer's own port: it would call itself` })
      }
    }
  }
  return problems
}

function fleetProblems({ pods, listen }: FleetFront): PlanProblem[] {
  const problems: PlanProblem[] = []
  if (pods.length === 0)
    problems.push({ option: '--pod', message: 'there is no pod; name one, as in --pod ID=http://10.0.0.5:8080' })
  const seen = new Set<string>()
  for (const { id, address } of pods) {
    for (const name of [id, hostPort(address)]) {
      if (seen.has(name)) problems.push({ option: '--pod', message: `${name} is named twice` })
      seen.add(name)
    }
    if (callsItself(address, listen)) {
      problems.push({
        option: '--pod',
        message: `${hostPort(address)} is the balancer's own port: it would call itself`,
      })
    }
  }
  return problems
}

const callsItself = (member: HostPort, listen: HostPort): boolean =>
  isLoopback(member.host) && member.port === listen.port && (listen.host === '*' || isLoopback(listen.host))

function clash(one: HostPort, other: HostPort): boolean {
  return one.port === other.port && (one.host === other.host || one.host === '*' || other.host === '*')
}

const isLoopback = (host: string): boolean => host === 'localhost' || host === '::1' || host.startsWith('127.')

/** Ports on which speech would travel readable from machine to machine. */
export function plainOutside({ balanced, fleet, tls }: NginxPlan): HostPort[] {
  if (tls) return []
  const all = [...balanced, ...(fleet ? [fleet] : [])]
  return all.map(({ listen }) => listen).filter(({ host }) => !isLoopback(host))
}

/** As nginx and URLs write it. */
export function hostPort({ host, port }: HostPort): string {
  return `${host.includes(':') ? `[${host}]` : host}:${port}`
}
