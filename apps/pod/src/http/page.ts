// The static page: files built by apps/dashboard. Hashed assets are kept for ever, everything else is asked for again.
import { existsSync } from 'node:fs'
import { join, sep } from 'node:path'
import fastifyStatic from '@fastify/static'
import type { FastifyInstance } from 'fastify'

/** Addresses at which the page starts; it tells them apart itself. */
export const PAGE_PATHS = ['/', '/watch'] as const

const NOT_BUILT = `The page has not been built, so there is nothing to show here. The API works without it.

Build it:   ./parley up        (builds it before it starts)

`

export async function registerPage(app: FastifyInstance, folder: string): Promise<void> {
  if (!existsSync(join(folder, 'index.html'))) {
    for (const path of PAGE_PATHS) {
      app.get(path, (_request, reply) => reply.code(503).type('text/plain; charset=utf-8').send(NOT_BUILT))
    }
    return
  }
  await app.register(fastifyStatic, {
    root: folder,
    index: false,
    cacheControl: false,
    setHeaders: (reply, path) => {
      const isHashed = path.includes(`${sep}assets${sep}`)
      reply.header('cache-control', isHashed ? 'public, max-age=31536000, immutable' : 'no-cache')
    },
  })
  for (const path of PAGE_PATHS) app.get(path, (_request, reply) => reply.sendFile('index.html'))
}
