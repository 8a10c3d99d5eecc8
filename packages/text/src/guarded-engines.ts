// Engines as they are used: with the guards over whatever they answer.
import { err, type Result } from '@parley/kernel'
import { type GuardRefusal, polishRefusal, translationRefusal } from './guards.ts'
import type { LanguageJudge } from './language-judge.ts'
import type { Polisher, TextAnswer, TextFailure, Translator } from './text-engine.ts'

type Outcome = Result<TextAnswer, TextFailure>

/** `translator`, whose answers are refused where they are no translation (`translationRefusal`). Everything else is its own. */
export function guardedTranslator(translator: Translator, judge: LanguageJudge): Translator {
  return {
    name: translator.name,
    kind: 'translate',
    status: () => translator.status(),
    onChange: (listener) => translator.onChange(listener),
    start: () => translator.start(),
    warm: (wanted) => translator.warm?.(wanted),
    close: () => translator.close(),
    async translate(request, signal) {
      const outcome = await translator.translate(request, signal)
      const { text: source, from, to } = request
      return guarded(outcome, (answer) => translationRefusal({ source, answer, from, to }, judge))
    },
  }
}

/** As `guardedTranslator`. */
export function guardedPolisher(polisher: Polisher, judge: LanguageJudge): Polisher {
  return {
    name: polisher.name,
    kind: 'polish',
    status: () => polisher.status(),
    onChange: (listener) => polisher.onChange(listener),
    start: () => polisher.start(),
    warm: (wanted) => polisher.warm?.(wanted),
    close: () => polisher.close(),
    async polish(request, signal) {
      const outcome = await polisher.polish(request, signal)
      const { text: source, language } = request
      return guarded(outcome, (answer) => polishRefusal({ source, answer, from: language, to: language }, judge))
    },
  }
}

function guarded(outcome: Outcome, refusalOf: (answer: string) => GuardRefusal | undefined): Outcome {
  if (!outcome.ok) return outcome
  const { text, usage } = outcome.value
  const refusal = refusalOf(text)
  // What it cost is told all the same.
  return refusal ? err({ ...refusal, ...(usage ? { usage } : {}) }) : outcome
}
