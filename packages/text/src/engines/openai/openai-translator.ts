// Translation by a chat model. One text is one call: the budget of the provider is counted where it is asked, so nothing here asks twice.
import { err, ok, type Result } from '@parley/kernel'
import type { TextEngineInfo } from '@parley/protocol'
import type { OpenAiClient } from '@parley/providers'
import type { TextAnswer, TextFailure, TranslateRequest, Translator } from '../../text-engine.ts'
import { ChatEngine, textProblem } from './chat-engine.ts'
import { canonicalLanguage, sayableText, translatePrompt } from './prompts.ts'

export class OpenAiTranslator implements Translator {
  readonly kind = 'translate'
  readonly name: string
  readonly #client: OpenAiClient
  readonly #chat: ChatEngine

  constructor(client: OpenAiClient) {
    this.name = client.settings.id
    this.#client = client
    this.#chat = new ChatEngine(client, 'translate')
  }

  status(): TextEngineInfo {
    return this.#chat.status()
  }

  onChange(listener: () => void): () => void {
    return this.#chat.onChange(listener)
  }

  start(): Promise<void> {
    return this.#client.start()
  }

  async close(): Promise<void> {
    this.#chat.close()
  }

  async translate(request: TranslateRequest, signal?: AbortSignal): Promise<Result<TextAnswer, TextFailure>> {
    const problem = textProblem(request.text)
    if (problem) return err(problem)
    const from = canonicalLanguage(request.from)
    const to = canonicalLanguage(request.to)
    if (from === undefined || to === undefined || from === to) {
      const message = `"${request.from}" to "${request.to}" is not a translation; give two different language tags such as en and es`
      return err({ code: 'PAIR_UNSUPPORTED', message })
    }
    const text = sayableText(request.text)
    // Without a letter or a digit there is nothing to translate, and nothing to pay for.
    if (!/[\p{L}\p{N}]/u.test(text)) return ok({ text })
    return this.#chat.ask(translatePrompt(text, from, to), request.deadlineMs, signal)
  }
}
