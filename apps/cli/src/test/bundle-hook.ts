// Loaded into a process before anything else (bundles.ts): imports of bundled packages lead to their bundles. Imports nothing of the project.
import { registerHooks } from 'node:module'

const { searchParams } = new URL(import.meta.url)
const folder = searchParams.get('folder') ?? ''
const bundled = new Map(
  (searchParams.get('bundled') ?? '')
    .split(',')
    .map((specifier) => [specifier, new URL(`${specifier.replace('/', '.')}.js`, folder).href]),
)

registerHooks({
  resolve(specifier, context, nextResolve) {
    const url = bundled.get(specifier)
    return url === undefined ? nextResolve(specifier, context) : { url, format: 'module', shortCircuit: true }
  },
})
