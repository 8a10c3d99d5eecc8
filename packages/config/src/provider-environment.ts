// What the environment says of providers: PARLEY_PROVIDER_<ID>_<FIELD> wins over the file, and the variables that everyone has for the
// two well-known services give a key to a provider at their address that has none. Pure.
import type { ConfigMistake } from './mistakes.ts'
import type { ResolvedConfig } from './schema.ts'

type Provider = ResolvedConfig['providers'][number]

export const PROVIDER_ENV_PREFIX = 'PARLEY_PROVIDER_'

/** Fields that differ between machines or are secret; the rest belongs into the file. */
const FIELDS = {
  API_KEY: 'apiKey',
  BASE_URL: 'baseUrl',
  CHAT_MODEL: 'chatModel',
  SPEECH_MODEL: 'speechModel',
  TRANSCRIPTION_MODEL: 'transcriptionModel',
} as const satisfies Record<string, keyof Provider>

/** Whose key stands in which variable. It is given to this host and to no other. */
const WELL_KNOWN = { 'api.openai.com': 'OPENAI_API_KEY', 'api.deepgram.com': 'DEEPGRAM_API_KEY' } as const

export interface ProviderEnvironment {
  readonly providers: readonly Provider[]
  readonly mistakes: readonly ConfigMistake[]
}

/** `providers` as `env` has them. A variable of no provider, or of no field, is a mistake. */
export function applyProviderEnvironment(
  providers: readonly Provider[],
  env: Readonly<Record<string, string | undefined>>,
): ProviderEnvironment {
  const changed = providers.map((provider) => ({ ...provider }))
  const mistakes: ConfigMistake[] = []
  for (const [name, text] of Object.entries(env)) {
    if (!name.startsWith(PROVIDER_ENV_PREFIX) || text === undefined || text === '') continue
    const found = target(name, changed)
    if (found) found.provider[found.field] = text
    else
      mistakes.push(
        mistakeOf(
          name,
          changed.map(({ id }) => envIdOf(id)),
        ),
      )
  }
  for (const provider of changed) {
    const host = URL.parse(provider.baseUrl)?.hostname as keyof typeof WELL_KNOWN | undefined
    const key = host === undefined ? undefined : env[WELL_KNOWN[host] ?? '']
    if ((provider.apiKey ?? '') === '' && key) provider.apiKey = key
  }
  return { providers: changed, mistakes }
}

const envIdOf = (id: string): string => id.toUpperCase().replaceAll('-', '_')

function target(name: string, providers: readonly Provider[]) {
  for (const [suffix, field] of Object.entries(FIELDS)) {
    const provider = providers.find(({ id }) => name === `${PROVIDER_ENV_PREFIX}${envIdOf(id)}_${suffix}`)
    if (provider) return { provider, field }
  }
  return undefined
}

function mistakeOf(name: string, ids: readonly string[]): ConfigMistake {
  const fields = Object.keys(FIELDS).join(', ')
  const known = ids.length === 0 ? 'there are no providers' : `the providers are ${ids.join(', ')}`
  const message = `${name} is not a variable of a provider: ${PROVIDER_ENV_PREFIX}<ID>_ and one of ${fields}; ${known}`
  return { origin: { kind: 'environment', where: name }, key: name, value: undefined, message }
}
