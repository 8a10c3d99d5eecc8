/**
 * Targets that are offered where an engine is asked in words and lists none (a chat model): the languages most read on the web, which the
 * models in use translate into. Others may be asked for all the same.
 */
export const MODEL_LANGUAGES: readonly string[] = [
  ...['ar', 'bg', 'bn', 'ca', 'cs', 'da', 'de', 'el', 'en', 'es', 'et', 'eu', 'fa', 'fi', 'fr', 'gl', 'he', 'hi', 'hr'],
  ...['hu', 'id', 'it', 'ja', 'ko', 'lt', 'lv', 'ms', 'nb', 'nl', 'pl', 'pt', 'ro', 'ru', 'sk', 'sl', 'sr', 'sv', 'sw'],
  ...['ta', 'th', 'tl', 'tr', 'uk', 'ur', 'vi', 'zh'],
]
