// The engines for texts of the worker as it is shipped: providers, Apertium translates, harper polishes, all under guard.
import type { ResolvedConfig } from '@parley/config'
import type { RoleSlots } from '@parley/fleet'
import type { Clock } from '@parley/kernel'
import type { TextKind } from '@parley/protocol'
import type { ProviderClients } from '@parley/providers'
import type { Logger } from '@parley/telemetry'
import {
  ApertiumTranslator,
  createProviderTextEngines,
  guardedPolisher,
  guardedTranslator,
  HarperPolisher,
  loadLanguageJudge,
} from '@parley/text/engines'
import { textSlots } from './slot-plan.ts'
import type { TextEngineOf, TextParts } from './text-host.ts'

interface TextEngineOptions {
  readonly config: ResolvedConfig
  readonly clock: Clock
  readonly logger: Logger
  /** Connections of providers, shared with speech; own ones unless given. */
  readonly clients?: ProviderClients
}

/** Undefined parts when this worker does nothing with texts. Loads what the guards know, which holds up this process for half a second. */
export async function createTextEngines({ config, clock, logger, clients }: TextEngineOptions): Promise<{
  readonly parts: TextParts | undefined
  readonly slots: Readonly<Partial<Record<TextKind, RoleSlots>>>
}> {
  const { roles, translateSlots, polishSlots } = config.worker
  const translate = roles.includes('translate') ? textSlots('worker.translateSlots', translateSlots) : undefined
  const polish = roles.includes('polish') ? textSlots('worker.polishSlots', polishSlots) : undefined
  if (!translate && !polish) return { parts: undefined, slots: {} }
  const judge = await loadLanguageJudge()
  const hosted = createProviderTextEngines(hostedFor(config.providers, translate, polish), { clock, clients })
  const engines: TextEngineOf[] = [
    ...hosted.translators.map((translator) => guardedTranslator(translator, judge)),
    ...hosted.polishers.map((polisher) => guardedPolisher(polisher, judge)),
  ]
  if (translate) {
    const onBroken = (mode: string, reason: string) => logger.warn({ mode, reason }, 'a pipeline of apertium broke')
    engines.push(guardedTranslator(new ApertiumTranslator({ clock, onBroken }), judge))
  }
  if (polish) {
    const onBroken = (reason: string) => logger.warn({ reason }, 'harper broke')
    const { maxChangedWords } = config.text
    engines.push(guardedPolisher(new HarperPolisher({ clock, maxChangedWords, onBroken }), judge))
  }
  const slots = { ...(translate ? { translate } : {}), ...(polish ? { polish } : {}) }
  const counts = Object.fromEntries(Object.entries(slots).map(([kind, { slots: count }]) => [kind, count]))
  return { parts: { engines, slots: counts }, slots }
}

/** Providers with what of their work this worker does. */
function hostedFor(
  providers: ResolvedConfig['providers'],
  translate: unknown,
  polish: unknown,
): ResolvedConfig['providers'] {
  const isDone = (role: string) =>
    (role === 'translate' && translate !== undefined) || (role === 'polish' && polish !== undefined)
  return providers.map((provider) => ({ ...provider, roles: provider.roles.filter(isDone) }))
}
