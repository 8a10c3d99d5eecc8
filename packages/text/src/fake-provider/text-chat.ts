// The chat half of the fake provider with the platform's own engines behind it: what it answers is their work.
import { err, ok, type Result } from '@parley/kernel'
import type { ChatTask, FakeChat } from '@parley/providers/fake'
import type { Polisher, Translator } from '../text-engine.ts'

export interface TextChatOptions {
  readonly translators: readonly Translator[]
  readonly polishers: readonly Polisher[]
}

const DEADLINE_MS = 20_000

/** Engines that are started already, the first that can is asked. */
export function createTextChat({ translators, polishers }: TextChatOptions): FakeChat {
  const translate = async ({ text, from, to }: ChatTask, signal: AbortSignal): Promise<Result<string, string>> => {
    const reasons: string[] = []
    for (const translator of translators) {
      const request = { requestId: 'fake', text, from, to, deadlineMs: DEADLINE_MS }
      const translated = await translator.translate(request, signal)
      if (translated.ok) return ok(translated.value.text)
      reasons.push(translated.error.message)
    }
    return err(reasons.join('; ') || 'no engine that translates is installed behind this provider')
  }
  const polish = async ({ text, from }: ChatTask, signal: AbortSignal): Promise<Result<string, string>> => {
    const reasons: string[] = []
    for (const polisher of polishers) {
      const request = { requestId: 'fake', text, language: from, deadlineMs: DEADLINE_MS }
      const polished = await polisher.polish(request, signal)
      if (polished.ok) return ok(polished.value.text)
      reasons.push(polished.error.message)
    }
    return err(reasons.join('; ') || 'no engine that polishes is installed behind this provider')
  }
  /** Another target of the same source, where there is one; else what was said, untranslated. */
  const wrong = async (task: ChatTask, signal: AbortSignal): Promise<Result<string, string>> => {
    const pairs = translators.flatMap((translator) => translator.status().pairs ?? [])
    const other = pairs.find(({ from, to }) => base(from) === base(task.from) && base(to) !== base(task.to))
    if (!other) return ok(task.text)
    return translate({ ...task, to: other.to }, signal)
  }
  return {
    answer(task, isWrong, signal) {
      if (isWrong) return wrong(task, signal)
      return task.task === 'translate' ? translate(task, signal) : polish(task, signal)
    },
  }
}

const base = (tag: string): string | undefined => tag.split('-')[0]?.toLowerCase()
