// The engines for texts of the worker as it is shipped: Apertium translates, harper polishes, both under guard.
import type { ResolvedConfig } from '@parley/config'
import type { RoleSlots } from '@parley/fleet'
import type { Clock } from '@parley/kernel'
import type { TextKind } from '@parley/protocol'
import type { Logger } from '@parley/telemetry'
import { ApertiumTranslator, guardedPolisher, guardedTranslator, HarperPolisher, loadLanguageJudge } from '@parley/text'
import { textSlots } from './slot-plan.ts'
import type { TextEngineOf, TextParts } from './text-host.ts'

interface TextEngineOptions {
  readonly config: ResolvedConfig
  readonly clock: Clock
  readonly logger: Logger
}

/** Undefined parts when this worker does nothing with texts. Loads what the guards know, which holds up this process for half a second. */
export async function createTextEngines({ config, clock, logger }: TextEngineOptions): Promise<{
  readonly parts: TextParts | undefined
  readonly slots: Readonly<Partial<Record<TextKind, RoleSlots>>>
}> {
  const { roles, translateSlots, polishSlots } = config.worker
  const translate = roles.includes('translate') ? textSlots('worker.translateSlots', translateSlots) : undefined
  const polish = roles.includes('polish') ? textSlots('worker.polishSlots', polishSlots) : undefined
  if (!translate && !polish) return { parts: undefined, slots: {} }
  const judge = await loadLanguageJudge()
  const engines: TextEngineOf[] = []
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
