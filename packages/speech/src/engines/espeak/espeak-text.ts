/**
 * `text` as espeak-ng is to see it: "[[" would begin its phoneme codes and is taken apart. Everything else it reads as text, markup
 * included. Empty when there is no letter, digit or symbol in it.
 */
export function espeakText(text: string): string {
  if (!/[\p{L}\p{N}\p{Sc}\p{Sm}\p{So}]/u.test(text)) return ''
  return text.replace(/\[(?=\[)/g, '[ ')
}
