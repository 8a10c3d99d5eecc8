// How the page looks: one style sheet for screens of any width, both themes and paper. Contrasts are held by html-style.test.ts.

export const LIGHT = {
  paper: '#fbfaf7',
  surface: '#ffffff',
  ink: '#1b2126',
  'ink-soft': '#4c555c',
  line: '#ddd7cb',
  edge: '#827a6c',
  accent: '#0b5c55',
  good: '#1c6331',
  warn: '#7a4a00',
  bad: '#9b1f1f',
  'bad-soft': '#fbe5e0',
  'warn-soft': '#faeccf',
  'series-1': '#0b5c55',
  'series-2': '#a63d00',
  'series-3': '#3b4cc0',
  'series-4': '#8a2f86',
  'series-5': '#6b6100',
  'series-6': '#5a5f66',
} as const

export type Token = keyof typeof LIGHT

export const DARK: Readonly<Record<Token, string>> = {
  paper: '#111517',
  surface: '#191f22',
  ink: '#eef0ea',
  'ink-soft': '#a9b3b5',
  line: '#2c3539',
  edge: '#76838a',
  accent: '#6fd6c4',
  good: '#8fd6a0',
  warn: '#f2c26b',
  bad: '#ff9d8f',
  'bad-soft': '#3a1b18',
  'warn-soft': '#32270f',
  'series-1': '#6fd6c4',
  'series-2': '#ffab70',
  'series-3': '#9fb0ff',
  'series-4': '#e7a0e2',
  'series-5': '#d9cc5a',
  'series-6': '#b4bcc4',
}

const tokens = (theme: Readonly<Record<Token, string>>): string =>
  Object.entries(theme)
    .map(([name, value]) => `--${name}:${value}`)
    .join(';')

/** Dashes tell lines apart where colours do not. */
const DASHES = ['none', '9 4', '3 3', '12 3 3 3', '6 2 2 2 2 2', '1 4']
const lineRules = DASHES.map((dash, at) => {
  const colour = `var(--series-${at + 1})`
  return `.line-${at + 1}{stroke:${colour};stroke-dasharray:${dash};color:${colour}}.line-${at + 1}.end,.line-${at + 1}.band{fill:${colour}}`
}).join('\n')

export const STYLE = `
:root{color-scheme:light dark;${tokens(LIGHT)}}
@media screen and (prefers-color-scheme:dark){:root{${tokens(DARK)}}}
*,*::before,*::after{box-sizing:border-box}
html{-webkit-text-size-adjust:100%;text-size-adjust:100%;scroll-padding-top:1rem}
body{margin:0 auto;max-width:66rem;padding:1.5rem clamp(1rem,4vw,2.5rem) 3rem;background:var(--paper);color:var(--ink);
font:1rem/1.5 "Avenir Next","Segoe UI",Inter,Roboto,"Noto Sans",system-ui,sans-serif;overflow-wrap:break-word}
h1,h2,h3,p,ul,figure{margin:0;padding:0}
h1{font-size:clamp(1.5rem,5vw,2.1rem);line-height:1.2;letter-spacing:-.01em;text-wrap:balance}
h2{font-size:1.3rem;line-height:1.3;margin-bottom:.75rem}
h3{font-size:1rem;line-height:1.4}
a{color:var(--accent)}
:focus-visible{outline:3px solid var(--ink);outline-offset:3px;border-radius:.25rem}
.skip{position:absolute;left:-999rem}.skip:focus{left:1rem;top:.5rem;background:var(--surface);padding:.25rem .5rem}
.kicker{color:var(--ink-soft);font-size:.9rem}
.plan-note{color:var(--ink-soft);margin-top:.25rem}
.lead{margin:1.25rem 0;padding:1rem 1.15rem;background:var(--surface);border:1px solid var(--line);border-left:.35rem solid var(--accent);border-radius:.5rem}
.lead p+p{margin-top:.4rem}
.lead .bad{font-weight:inherit}.lead .soft{color:inherit}
.lead p:first-child{font-size:1.15rem}
nav ul{display:flex;flex-wrap:wrap;gap:.15rem 1rem;list-style:none;font-size:.95rem}
nav a{display:inline-block;padding:.2rem 0}
section.part{margin-top:2.25rem;padding-top:1.25rem;border-top:1px solid var(--line)}
section.part>*+*{margin-top:1.25rem}
section.part>h2{margin-bottom:0}
.soft{color:var(--ink-soft)}.strong{font-weight:650}
.good{color:var(--good)}.warn{color:var(--warn)}.bad{color:var(--bad);font-weight:600}
.number{font-variant-numeric:tabular-nums}
.standing{color:var(--ink-soft);font-size:.75em;font-weight:400;font-style:italic;white-space:nowrap}
.measured{font-style:normal}
code{font:.9em ui-monospace,"Cascadia Mono",Menlo,monospace}
ul.notes{padding-left:1.2rem}ul.notes li+li{margin-top:.35rem}
.finding{padding:.75rem 1rem;border-radius:.5rem;background:var(--bad-soft)}
.finding.warn{background:var(--warn-soft);color:inherit}.finding.bad{color:inherit;font-weight:400}
.finding h3{font-weight:400}.finding .mark{font-weight:650;text-transform:uppercase;font-size:.8rem;letter-spacing:.04em;margin-right:.35rem}
.finding.bad .mark{color:var(--bad)}.finding.warn .mark{color:var(--warn)}
.finding p{margin-top:.25rem}
.scroll{overflow-x:auto;border:1px solid var(--line);border-radius:.5rem;background:var(--surface);width:fit-content;max-width:100%}
table{border-collapse:collapse;min-width:min(22rem,100%);font-size:.92rem;font-variant-numeric:tabular-nums}
caption{caption-side:top;text-align:left;padding:.6rem .65rem;color:var(--ink-soft);font-size:.9rem}
caption span{display:block;position:sticky;left:.65rem;max-width:min(100%,calc(100vw - 4rem))}
th,td{padding:.35rem .65rem;text-align:left;vertical-align:baseline;border-top:1px solid var(--line)}
th{font-weight:600}tbody th{font-weight:400}
thead .unit{font-weight:400;display:block}
.unseen{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%);white-space:nowrap;padding:0}
tbody th.strong{font-weight:650}tbody th.soft{color:var(--ink-soft)}
thead th{color:var(--ink-soft);font-size:.85rem;font-weight:600;vertical-align:bottom}
.at-end{text-align:right}.figure,.in-brackets{white-space:nowrap}td:has(.meter){white-space:nowrap}tbody th{min-width:7rem;position:sticky;left:0;background:var(--surface)}
td.none{color:var(--ink-soft)}
.prose{min-width:12rem}
.meter{display:inline-block;width:5rem;height:.6rem;margin-right:.5rem;border:1px solid var(--edge);border-radius:.2rem;overflow:hidden;vertical-align:baseline}
.meter i{display:block;height:100%;background:var(--accent)}
.bad .meter i{background:var(--bad)}
figure{break-inside:avoid}
figcaption{font-weight:600;margin-bottom:.35rem}
.legend{display:flex;flex-wrap:wrap;gap:.2rem 1.1rem;list-style:none;font-weight:400;font-size:.9rem;margin-top:.2rem}
.legend svg{vertical-align:middle;margin-right:.4rem}
.chart{display:block;width:100%;height:auto;font-family:inherit;font-size:13px}
.chart text{fill:var(--ink);stroke:var(--paper);stroke-width:4px;stroke-linejoin:round;paint-order:stroke}.chart .tick,.chart .value{fill:var(--ink-soft)}
.chart .name{font-weight:600}
.chart .value,.chart .tick{font-variant-numeric:tabular-nums}
.chart .grid,.chart .track{stroke:var(--line);stroke-width:1}
.chart .axis{stroke:var(--edge);stroke-width:1}
.chart .mark{stroke:var(--ink);stroke-width:1.25;stroke-dasharray:4 3}.chart .mark-text{font-weight:600}
.chart .range{fill-opacity:.35}.free{fill:var(--accent)}.binding{fill:var(--bad)}
.chart .point{stroke:var(--paper);stroke-width:1.5}
.bar{stroke-width:1}.bar.kept{fill:var(--accent);stroke:var(--accent)}.bar.saved{fill:none;stroke:var(--accent);stroke-dasharray:3 2}
.line{fill:none;stroke-width:2.25;stroke-linejoin:round}.line.end{stroke-dasharray:none}
.line.band{stroke:none;fill-opacity:.14}.line.again{stroke-width:1.25}
${lineRules}
.chart.narrow{max-width:30rem}
@media (max-width:43.99rem){.chart.wide{display:none}}
@media (min-width:44rem){.chart.narrow{display:none}}
details summary{cursor:pointer;color:var(--accent);padding:.25rem 0}
details .scroll{margin-top:.5rem}
footer{margin-top:2.5rem;padding-top:1rem;border-top:1px solid var(--line);color:var(--ink-soft);font-size:.9rem}
@media (max-width:30rem){th,td{padding:.3rem .5rem}caption{padding:.5rem}.lead{padding:.85rem .9rem}}
@page{margin:15mm}@page broad{size:landscape}
@media print{
html{font-size:10pt}body{max-width:none;padding:0;background:#fff}
nav,.skip,summary{display:none}
details::details-content{content-visibility:visible;display:block;height:auto}
.chart.wide{display:block}.chart.narrow{display:none}
.scroll{overflow:visible;border:0}
table{font-size:8pt;min-width:0}caption,thead th{font-size:inherit}caption span{position:static;max-width:none}
th,td{padding:.2rem .3rem}tbody th{position:static;min-width:3.5rem}.prose{min-width:8rem}.broad{page:broad}
tr,.finding,.lead{break-inside:avoid}h2,figcaption,caption{break-after:avoid}
thead{display:table-header-group}
.meter{width:3rem}.meter i,.bar,.range,.point,.finding{print-color-adjust:exact;-webkit-print-color-adjust:exact}
section.part{margin-top:1.25rem;padding-top:.75rem}
}
`
