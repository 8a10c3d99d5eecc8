// What the doctor looks at, as plain values. Probing (probes.ts) makes them, judging (evaluate.ts) reads them.

export interface PackageFact {
  readonly name: string
  readonly set: 'runtime' | 'pods' | 'test'
  readonly why: string
  /** Undefined where there is no dpkg to ask. */
  readonly isInstalled: boolean | undefined
}

export interface Facts {
  /** Commands of root need no sudo then. */
  readonly isRoot: boolean
  readonly nodeVersion: string
  /** Version of the Node pinned in package-lock.json, and whether this process runs it. */
  readonly pinnedVersion: string | undefined
  readonly runsPinned: boolean
  /** Which npm package set is complete: `full`, `runtime`, `none`. */
  readonly npmSet: string
  readonly packages: readonly PackageFact[]
  /** Libraries and files the engines open, and whether they are there, however they came. */
  readonly libraries: { readonly pocketsphinx: boolean; readonly model: boolean; readonly lc3: boolean }
  /** Where the programs are that engines run; undefined where they are not. */
  readonly espeak: string | undefined
  readonly redis: string | undefined
  readonly postgres: string | undefined
  readonly chromium: string | undefined
  /** Directions of Apertium that are installed, such as "eng-spa"; variants aside. */
  readonly translationModes: readonly string[]
  readonly host: string
  readonly port: number
  /** Undefined = free; otherwise who holds it, or why it cannot be had. */
  readonly portProblem: string | undefined
  /** True when a platform of this data directory is what holds the port. */
  readonly portIsOurs: boolean
  /** Undefined where the system does not tell; Infinity for unlimited. */
  readonly openFiles: { readonly soft: number; readonly hard: number } | undefined
  /** Cores and bytes that the cgroup allows; Infinity for unlimited. */
  readonly cgroup: { readonly cores: number; readonly memoryBytes: number }
  readonly machine: { readonly cores: number; readonly memoryBytes: number }
  readonly receiveBufferMaxBytes: number | undefined
  readonly dataDir: string
  readonly dataDirProblem: string | undefined
  readonly freeDiskBytes: number | undefined
  readonly isPageBuilt: boolean
}
