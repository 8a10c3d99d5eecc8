import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import test from 'node:test'
import { fileURLToPath } from 'node:url'
import { bareEnvironment } from '@parley/kernel/testing'

const MAIN = fileURLToPath(new URL('./main.ts', import.meta.url))

function parley(...args: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  return new Promise((resolve) => {
    execFile(process.execPath, [MAIN, ...args], { env: bareEnvironment() }, (error, stdout, stderr) =>
      resolve({ code: error ? Number(error.code) : 0, stdout, stderr }),
    )
  })
}

test('[CMD1] an unknown command or option is refused with the nearest one, exit code 2', async () => {
  const command = await parley('captoin')
  assert.equal(command.code, 2)
  assert.match(command.stderr, /parley: unknown command 'captoin'\n(?:.*\n)*\(Did you mean caption\?\)/)
  const option = await parley('up', '--prot', '1')
  assert.equal(option.code, 2)
  assert.match(option.stderr, /unknown option '--prot'\n\(Did you mean --port\?\)/)
  const nested = await parley('config', 'show', '--jsn')
  assert.equal(nested.code, 2)
  assert.match(nested.stderr, /Did you mean --json\?/)
})

test('[CMD1] help and version are answers, exit code 0', async () => {
  const help = await parley('--help')
  assert.equal(help.code, 0)
  assert.match(help.stdout, /Examples:\n +\.\/parley up/)
  assert.equal((await parley()).stdout, help.stdout)
  const up = await parley('help', 'up')
  assert.deepEqual([up.code, up.stderr], [0, ''])
  assert.match(up.stdout, /--workers <n>/)
  assert.match((await parley('--version')).stdout, /^\d+\.\d+\.\d+\n$/)
})
