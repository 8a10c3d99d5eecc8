// Times and names in the reader's own manner; needs Intl, nothing else.

const timeFormat = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit' })
const dateTimeFormat = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'short' })
const languageNames = new Intl.DisplayNames(['en'], { type: 'language' })

/** 14:05 */
export function timeOfDay(wallMs: number): string {
  return timeFormat.format(wallMs)
}

/** 21 Nov 2026, 14:05 */
export function dateAndTime(wallMs: number): string {
  return dateTimeFormat.format(wallMs)
}

// Variants have no names there: "Catalan (VALENCIA)".
const SHOUTED_VARIANT = /[A-Z]{5,8}/g

/** "English" for "en"; the tag itself when nobody knows it. */
export function languageName(tag: string): string {
  try {
    const name = languageNames.of(tag) ?? tag
    return name.replace(SHOUTED_VARIANT, (variant) => variant.charAt(0) + variant.slice(1).toLowerCase())
  } catch {
    return tag
  }
}
