// `parley bench NAME`: finds benchmarks/NAME/NAME.bench.ts and runs it. A benchmark measures CPU time as a ratio to a bare
// reference of the same run, reports medians, and is never a test.
import { glob } from 'node:fs/promises'
import path from 'node:path'
import { pathToFileURL } from 'node:url'
import { Command } from 'commander'
import type { Benchmark } from '../../../../benchmarks/lib/benchmark.ts'
import { ROOT } from '../context.ts'

async function names(): Promise<string[]> {
  const found: string[] = []
  for await (const file of glob('benchmarks/*/*.bench.ts', { cwd: ROOT })) found.push(path.basename(file, '.bench.ts'))
  return found.sort()
}

async function load(name: string): Promise<Benchmark> {
  const module = (await import(pathToFileURL(path.join(ROOT, 'benchmarks', name, `${name}.bench.ts`)).href)) as {
    benchmark: Benchmark
  }
  return module.benchmark
}

export function createBenchCommand(): Command {
  return new Command('bench')
    .description('Measure; CPU time, medians, ratios to a bare reference in the same run. Without a name: the list.')
    .argument('[name]', 'which benchmark')
    .option('--json', 'one JSON object', false)
    .option('--quick', 'fewer and shorter runs: to see that it works, not to quote', false)
    .action(async (name: string | undefined, options: { json: boolean; quick: boolean }) => {
      const known = await names()
      if (name === undefined || !known.includes(name)) {
        if (name !== undefined) process.stderr.write(`there is no benchmark "${name}"\n`)
        for (const each of known) process.stdout.write(`${each.padEnd(12)} ${(await load(each)).summary}\n`)
        process.exitCode = name === undefined ? 0 : 2
        return
      }
      const progress = options.json ? () => {} : (line: string) => void process.stderr.write(`${line}\n`)
      const report = await (await load(name)).run({ progress, quick: options.quick })
      const text = options.json
        ? JSON.stringify({ benchmark: name, held: report.held, ...report.data })
        : report.lines.join('\n')
      process.stdout.write(`${text}\n`)
      process.exitCode = report.held ? 0 : 1
    })
}
