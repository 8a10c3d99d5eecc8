// Makes the package that is published: plain JavaScript for Node and browsers with `ws` as its only dependency
// (and, for UDP, a library in machine code that may be missing), declarations that need nothing else, and a manifest. `node packages/client/build.ts [folder]`; packages/client/dist unless told.
import { copyFile, cp, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'rolldown'
import { emitDeclarations } from './build-types.ts'

const HERE = path.dirname(fileURLToPath(import.meta.url))

const BUNDLES = [
  { entry: 'src/index.ts', file: 'index.js', platform: 'node' },
  { entry: 'src/browser/index.ts', file: 'browser.js', platform: 'browser' },
  { entry: 'src/testing/index.ts', file: 'testing.js', platform: 'node' },
] as const

/** Packages of which only what is used is kept: their modules do nothing when loaded but define. */
const PURE_MODULES = /[\\/](packages[\\/](kernel|protocol)|node_modules[\\/]typebox)[\\/]/

async function bundle(outDir: string): Promise<void> {
  for (const { entry, file, platform } of BUNDLES) {
    await build({
      input: path.join(HERE, entry),
      platform,
      external: ['ws', 'sodium-native', /^node:/],
      treeshake: { moduleSideEffects: (id) => !PURE_MODULES.test(id), manualPureFunctions: ['Type'] },
      transform: { target: 'es2023' },
      // What seals packets is loaded when it is wanted: a part of its own, beside the entry.
      output: {
        dir: outDir,
        entryFileNames: file,
        chunkFileNames: `${path.basename(file, '.js')}-[name].js`,
        format: 'esm',
        sourcemap: true,
      },
      logLevel: 'warn',
    })
  }
  // Loaded by its address, never bundled: a file of its own is what a strict content security policy lets through.
  await copyFile(path.join(HERE, 'src/browser/capture-worklet.js'), path.join(outDir, 'capture-worklet.js'))
}

async function writeManifest(outDir: string): Promise<void> {
  const source = JSON.parse(await readFile(path.join(HERE, 'package.json'), 'utf8')) as {
    name: string
    version: string
    license: string
    dependencies: Record<string, string>
  }
  const sealing = JSON.parse(await readFile(path.join(HERE, '../sealing/package.json'), 'utf8')) as typeof source
  const entry = (name: string, types: string) => ({
    types: `./types/client/src/${types}.d.ts`,
    default: `./${name}.js`,
  })
  const manifest = {
    name: source.name,
    version: source.version,
    description: 'Live captions from Node and browsers: the client of the Parley platform.',
    license: source.license,
    type: 'module',
    exports: {
      '.': { browser: entry('browser', 'browser/index'), ...entry('index', 'index') },
      './browser': entry('browser', 'browser/index'),
      './testing': entry('testing', 'testing/index'),
      './capture-worklet.js': './capture-worklet.js',
    },
    dependencies: { ws: source.dependencies.ws },
    // Machine code that not every machine can have; without it audio goes over the WebSocket.
    optionalDependencies: { 'sodium-native': sealing.dependencies['sodium-native'] },
    engines: { node: '>=22' },
    sideEffects: false,
  }
  await writeFile(path.join(outDir, 'package.json'), `${JSON.stringify(manifest, null, 2)}\n`)
}

/** Builds into `outDir`, which is emptied first. Resolves with the files and their sizes in bytes. */
export async function buildClient(outDir: string): Promise<Map<string, number>> {
  await rm(outDir, { recursive: true, force: true })
  await mkdir(outDir, { recursive: true })
  await bundle(outDir)
  await emitDeclarations(path.join(HERE, '..'), path.join(outDir, 'types'))
  await writeManifest(outDir)
  await cp(path.join(HERE, 'README.md'), path.join(outDir, 'README.md'))
  await cp(path.join(HERE, '../../LICENSE'), path.join(outDir, 'LICENSE'))
  const sizes = new Map<string, number>()
  for (const name of await readdir(outDir)) {
    if (name.endsWith('.js')) sizes.set(name, (await readFile(path.join(outDir, name))).byteLength)
  }
  return sizes
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const outDir = path.resolve(process.argv[2] ?? path.join(HERE, 'dist'))
  const sizes = await buildClient(outDir)
  for (const [name, bytes] of sizes) process.stdout.write(`${name} ${Math.ceil(bytes / 1024)} KiB\n`)
}
