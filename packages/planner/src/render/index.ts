/** What the planner answers, for people: lines of text, markdown, a page. Pure: results in, text out. */
export { htmlOf } from './html.ts'
export { markdownOf, whyMarkdown } from './markdown.ts'
export type { Report } from './report.ts'
export { checkReport, planReport } from './reports.ts'
export { terminalLines, whyTerminalLines } from './terminal.ts'
export { NO_PAINT, type Paint, type TerminalOptions } from './terminal-words.ts'
export { type WhyLine, whyLines } from './why.ts'
