// Elements of HTML and SVG as text, with everything escaped that comes from a plan.

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
}

/** Text that means itself in HTML, in an element or in a quoted attribute; control characters become spaces. */
export const escapeText = (text: string): string =>
  // biome-ignore lint/suspicious/noControlCharactersInRegex: HTML forbids them
  text.replace(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g, ' ').replace(/[&<>"']/g, (sign) => ENTITIES[sign] ?? sign)

export type Attributes = Readonly<Record<string, string | number | undefined>>

/** `<name ...>children</name>`; children are markup already, attributes are escaped. */
export function element(name: string, attributes: Attributes, ...children: readonly string[]): string {
  const shown = Object.entries(attributes)
    .filter(([, value]) => value !== undefined)
    .map(([key, value]) => ` ${key}="${typeof value === 'number' ? coordinate(value) : escapeText(String(value))}"`)
    .join('')
  return `<${name}${shown}>${children.join('')}</${name}>`
}

/** A tenth of a pixel is enough. */
const coordinate = (value: number): string => String(Math.round(value * 10) / 10)

/** Text of a chart that must fit into `widthPx`, by the average width of a letter. */
export function fitted(text: string, widthPx: number): string {
  const most = Math.max(4, Math.floor(widthPx / LETTER_PX))
  return text.length <= most ? text : `${text.slice(0, most - 3).trimEnd()}...`
}

/** Of the 13 px text of the charts; somewhat more than the average, so that nothing is cut. */
export const LETTER_PX = 7
