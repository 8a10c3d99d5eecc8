/** What commands print with: results, notes, progress, tables, colour. */
export { Output, type OutputStreams, processOutput, wantsColour } from './output.ts'
export { bar, Progress } from './progress.ts'
export { type Style, style, table, visibleLength } from './style.ts'
