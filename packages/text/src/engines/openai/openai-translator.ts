// Translation by a chat model. One text is one call: the budget of the provider is counted where it is asked, so nothing here asks twice.
import { err, ok, type Result } from '@parley/kernel'
import type { TextEngineInfo } from '@parley/protocol'
import type { ClientLease } from '@parley/providers'
import type { TextAnswer, TextFailure, TranslateRequest, Translator } from '../../text-engine.ts'
import { hasWords, plainLine } from '../plain-text.ts'
import { ChatEngine, textProblem } from './chat-engine.ts'
import { canonicalLanguage, translatePrompt } from './prompts.ts'

export class OpenAiTranslator implements Translator {
  readonly kind = 'translate'
  readonly name: string
  readonly #chat: ChatEngine

  /** The lease is given back by `close`. */
  constructor(lease: ClientLease) {
    this.name = lease.client.settings.id
    this.#chat = new ChatEngine(lease, 'translate')
  }

  status(): TextEngineInfo {
    return this.#chat.status()
  }

  onChange(listener: () => void): () => void {
    return this.#chat.onChange(listener)
  }

  start(): Promise<void> {
    return this.#chat.start()
  }

  close(): Promise<void> {
    return this.#chat.close()
  }

  async translate(request: TranslateRequest, signal?: AbortSignal): Promise<Result<TextAnswer, TextFailure>> {
    const problem = textProblem(request.text) ?? this.#chat.problem()
    if (problem) return err(problem)
    const from = canonicalLanguage(request.from)
    const to = canonicalLanguage(request.to)
    if (from === undefined || to === undefined || from === to) {
      const message = `"${request.from}" to "${request.to}" is not a translation; give two different language tags such as en and es`
      return err({ code: 'PAIR_UNSUPPORTED', message })
    }
    const text = plainLine(request.text)
    // Without a letter there is nothing to translate, and nothing to pay for.
    if (!hasWords(text)) return ok({ text })
    return this.#chat.ask(translatePrompt(text, from, to), request.deadlineMs, signal)
  }
}
