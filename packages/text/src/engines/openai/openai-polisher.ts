// Grammar, punctuation and capitals by a chat model. One text is one call.
import { err, ok, type Result } from '@parley/kernel'
import type { TextEngineInfo } from '@parley/protocol'
import type { ClientLease } from '@parley/providers'
import type { Polisher, PolishRequest, TextAnswer, TextFailure } from '../../text-engine.ts'
import { hasWords, plainLine } from '../plain-text.ts'
import { ChatEngine, textProblem } from './chat-engine.ts'
import { canonicalLanguage, polishPrompt } from './prompts.ts'
import { changedWords } from './word-changes.ts'

export class OpenAiPolisher implements Polisher {
  readonly kind = 'polish'
  readonly name: string
  readonly #chat: ChatEngine

  /** The lease is given back by `close`. */
  constructor(lease: ClientLease) {
    this.name = lease.client.settings.id
    this.#chat = new ChatEngine(lease, 'polish')
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

  async polish(request: PolishRequest, signal?: AbortSignal): Promise<Result<TextAnswer, TextFailure>> {
    const problem = textProblem(request.text) ?? this.#chat.problem()
    if (problem) return err(problem)
    const language = canonicalLanguage(request.language)
    if (language === undefined) {
      const message = `"${request.language}" is not a language tag; give one such as en or es`
      return err({ code: 'PAIR_UNSUPPORTED', message })
    }
    const text = plainLine(request.text)
    if (!hasWords(text)) return ok({ text, changedWords: 0 })
    const asked = await this.#chat.ask(polishPrompt(text, language), request.deadlineMs, signal)
    return asked.ok ? ok({ ...asked.value, changedWords: changedWords(text, asked.value.text) }) : asked
  }
}
