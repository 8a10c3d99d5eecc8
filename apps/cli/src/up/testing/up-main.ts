// `parley up` with fake members and no page to build, as a process of its own: tests start it, signal it and kill it.
import { fileURLToPath } from 'node:url'
import { Command } from 'commander'
import { addConfigOptions, type ConfigOptions, configFlags } from '../../config-options.ts'
import { loadOrFail, processContext } from '../../context.ts'
import { CliError } from '../../exit-codes.ts'
import { runUp } from '../up.ts'

const context = processContext()
const here = (file: string) => fileURLToPath(new URL(file, import.meta.url))
const command = addConfigOptions(new Command().option('--json', '', false)).parse()
try {
  const options = command.opts<ConfigOptions & { json: boolean }>()
  process.exitCode = await runUp(
    context,
    {
      json: options.json,
      modules: { pod: here('./fake-pod.ts'), worker: here('./fake-worker.ts') },
      buildPage: () => Promise.resolve({ kind: 'unchanged' }),
    },
    await loadOrFail(context, undefined, configFlags(options)),
  )
} catch (error) {
  if (!(error instanceof CliError)) throw error
  context.output.fail(error.message)
  process.exitCode = error.exitCode
}
