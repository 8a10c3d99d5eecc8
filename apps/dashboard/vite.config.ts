// How the page is built: one HTML file, assets named by their content and never inlined, so that a strict CSP and an
// immutable cache both hold.
import { fileURLToPath } from 'node:url'
import react from '@vitejs/plugin-react'
import type { InlineConfig } from 'vite'

const root = fileURLToPath(new URL('.', import.meta.url))
const packages = fileURLToPath(new URL('../../packages/', import.meta.url))

export const pageConfig: InlineConfig = {
  root,
  base: '/',
  configFile: false,
  plugins: [react()],
  build: {
    outDir: 'dist',
    emptyOutDir: true,
    target: 'es2023',
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
    rolldownOptions: {
      // The protocol compiles its checks when loaded, by a means that the CSP forbids and the page does not need: what the
      // page does not import from these packages is left out with its side effects.
      treeshake: { moduleSideEffects: (id: string) => !id.startsWith(packages) && !id.includes('/typebox/') },
    },
  },
}
