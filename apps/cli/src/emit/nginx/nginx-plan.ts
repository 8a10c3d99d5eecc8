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

export interface NginxPlan {
  readonly balanced: readonly Balanced[]
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
  if (plan.balanced.length === 0) {
    const message = 'say what to balance, as in --recognise 8000=8001,8011 or --synthesise 8003=8002,8012'
    problems.push({ option: '--recognise', message })
  }
  const listening = plan.balanced.map(({ role, listen }): [string, HostPort] => [`--${role}`, listen])
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
      if (isLoopback(member.host) && member.port === listen.port && (listen.host === '*' || isLoopback(listen.host))) {
        problems.push({ option: `--${role}`, message: `${name} is the balancer's own port: it would call itself` })
      }
    }
  }
  return problems
}

function clash(one: HostPort, other: HostPort): boolean {
  return one.port === other.port && (one.host === other.host || one.host === '*' || other.host === '*')
}

const isLoopback = (host: string): boolean => host === 'localhost' || host === '::1' || host.startsWith('127.')

/** Ports on which speech would travel readable from machine to machine. */
export function plainOutside({ balanced, tls }: NginxPlan): HostPort[] {
  return tls ? [] : balanced.map(({ listen }) => listen).filter(({ host }) => !isLoopback(host))
}

/** As nginx and URLs write it. */
export function hostPort({ host, port }: HostPort): string {
  return `${host.includes(':') ? `[${host}]` : host}:${port}`
}
