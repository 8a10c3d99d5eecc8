import { type ResolvedConfig, resolveConfig } from '../index.ts'

type Partially<T> = {
  readonly [K in keyof T]?: T[K] extends readonly unknown[] ? T[K] : T[K] extends object ? Partially<T[K]> : T[K]
}

/**
 * The defaults with `overrides` laid over them and no environment, frozen. The data directory is a path nobody has, so that
 * a test that writes must name its own.
 */
export function testConfig(overrides: Partially<ResolvedConfig> = {}): ResolvedConfig {
  const flags = Object.entries(overrides).flatMap(([section, keys]) =>
    Array.isArray(keys)
      ? [{ flag: 'testConfig', key: section, value: JSON.stringify(keys) }]
      : Object.entries(keys ?? {}).map(([name, value]) => ({
          flag: 'testConfig',
          key: `${section}.${name}`,
          value: typeof value === 'string' ? value : JSON.stringify(value),
        })),
  )
  const resolution = resolveConfig({ env: {}, flags, cwd: '/', homeDir: '/nonexistent' })
  if (!resolution.ok) throw new Error(resolution.error.map((mistake) => mistake.message).join('; '))
  return resolution.value.config
}
