// Builds the page into apps/dashboard/dist. `node apps/dashboard/build.ts`, or buildPage() from the command line tool.
import { build } from 'vite'
import { pageConfig } from './vite.config.ts'

export interface BuildPageOptions {
  /** Absolute path of the folder to fill, which is emptied first; apps/dashboard/dist unless told. */
  readonly outDir?: string
  /** Absolute path of the HTML file to build instead of the page's own. */
  readonly input?: string
}

/** Rejects with the reason when a source does not compile; what the folder held before is then still there. */
export async function buildPage(options: BuildPageOptions = {}): Promise<void> {
  const { outDir, input } = options
  const base = pageConfig.build
  await build({
    ...pageConfig,
    logLevel: 'warn',
    build: {
      ...base,
      ...(outDir === undefined ? {} : { outDir }),
      ...(input === undefined ? {} : { rolldownOptions: { ...base?.rolldownOptions, input } }),
    },
  })
}

if (import.meta.main) await buildPage()
