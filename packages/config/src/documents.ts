// The example file and the reference page, generated from the keys so that they cannot drift.
import { stringify } from 'yaml'
import { CONFIG_KEYS, CONFIG_SECTIONS, type ConfigKey, ENV_ALIASES, RESERVED_ENV } from './keys.ts'

const WIDTH = 110

function comment(text: string, indent: string): string {
  const lines: string[] = []
  let line = ''
  for (const word of text.split(' ')) {
    if (line !== '' && `${line} ${word}`.length > WIDTH - indent.length) {
      lines.push(line)
      line = word
    } else line = line === '' ? word : `${line} ${word}`
  }
  return [...lines, line].map((part) => `${indent}# ${part}`).join('\n')
}

const detail = (key: ConfigKey): string => {
  const unit = key.unit === undefined ? '' : `; ${key.unit}`
  return `${key.allowed}${unit}`
}

function exampleKey(key: ConfigKey): string {
  if (key.name === '') {
    const yaml = stringify({ [key.section]: key.default }, { lineWidth: 0 }).trimEnd()
    return [comment(key.description, ''), comment(`(${detail(key)})`, ''), yaml].join('\n')
  }
  const yaml = stringify({ [key.name]: key.default }, { lineWidth: 0 }).trimEnd()
  return [comment(key.description, '  '), comment(`(${detail(key)})`, '  '), `  ${yaml}`].join('\n')
}

/** config/example.yaml: every key with its default, so that the file as it stands changes nothing. */
export function exampleYaml(): string {
  const head = [
    '# Configuration of Parley. Every key with its default: copy what you change to parley.yaml.',
    '# Read from --config FILE, $PARLEY_CONFIG, ./parley.yaml or parley.yaml in the data directory, whichever is first.',
    '# Environment variables (PARLEY_SERVER_PORT) and flags (--set server.port=8081) win over this file.',
    '# Generated from packages/config/src/schema.ts.',
  ].join('\n')
  const sections = CONFIG_SECTIONS.map((section) => {
    const keys = CONFIG_KEYS.filter((key) => key.section === section)
    const isList = keys.some(({ name }) => name === '')
    return [...(isList ? [] : [`${section}:`]), ...keys.map(exampleKey)].join('\n')
  })
  return `${[head, ...sections].join('\n\n')}\n`
}

const cell = (text: string): string => text.replaceAll('|', '\\|')

function row(key: ConfigKey): string {
  const aliases = Object.entries(ENV_ALIASES).filter(([name, path]) => path === key.path && name !== key.envName)
  const names = [key.envName, ...aliases.map(([name]) => name)].map((name) => `\`${name}\``).join(' or ')
  const shown = key.default === '' ? 'empty' : `\`${JSON.stringify(key.default)}\``
  const secret = key.isSecret ? ' Secret: never shown.' : ''
  return `| \`${key.path}\` | ${shown} | ${cell(detail(key))} | ${cell(key.description)}${secret} | ${names} |`
}

/** docs/configuration.md. */
export function configMarkdown(): string {
  const sections = CONFIG_SECTIONS.flatMap((section) => [
    `## ${section}`,
    '',
    '| key | default | allowed | meaning | environment |',
    '| --- | --- | --- | --- | --- |',
    ...CONFIG_KEYS.filter((key) => key.section === section).map(row),
    '',
  ])
  return [
    '# Configuration',
    '',
    'Generated from `packages/config/src/schema.ts` by `./parley check --write`.',
    '',
    'A value comes from the last of these that has it: the default, the configuration file, the environment, a flag. The',
    'file is the first of `--config FILE`, `$PARLEY_CONFIG`, `./parley.yaml` and `parley.yaml` in the data directory;',
    '[`config/example.yaml`](../config/example.yaml) holds every key with its default. Any key can be set on the command line',
    'with `--set section.key=value`. Lists are written with commas or as JSON in the environment and in flags.',
    'Relative paths start at the folder of the file that names them, otherwise at the current folder.',
    '',
    'Of a provider, `PARLEY_PROVIDER_<ID>_API_KEY`, `_BASE_URL`, `_CHAT_MODEL`, `_SPEECH_MODEL` and `_TRANSCRIPTION_MODEL` win over the',
    'file (the id in capitals, with _ for -); `OPENAI_API_KEY` and `DEEPGRAM_API_KEY` are used by providers at the addresses of these',
    'services that are given no other key.',
    '',
    'An unknown key, variable or flag is refused and the nearest valid name given; all mistakes are reported at once.',
    '`./parley config show` prints every value and where it came from.',
    '',
    ...sections,
    '## Other variables',
    '',
    '| variable | meaning |',
    '| --- | --- |',
    ...Object.entries(RESERVED_ENV).map(([name, meaning]) => `| \`${name}\` | ${meaning} |`),
    '',
  ].join('\n')
}
