// Which view an address gets; opens the page session first where one is needed.
import { systemClock } from '@parley/kernel'
import { useCallback, useEffect, useState } from 'react'
import type { CaptionClient, PageInfo } from '../caption-client.ts'
import { CaptionController } from '../caption-controller.ts'
import type { Entry } from '../model/entry.ts'
import { readWish } from '../model/preferences.ts'
import { type Closed, ClosedPage, OpeningPage } from './gate-page.tsx'
import { OwnerPage } from './owner-page.tsx'
import { WatchPage } from './watch-page.tsx'
import '../styles/tokens.css'
import '../styles/layout.css'
import '../styles/parts.css'
import '../styles/transcript.css'

interface AppProps {
  readonly client: CaptionClient
  readonly entry: Entry
}

export function App({ client, entry }: AppProps) {
  if (entry.kind === 'owner') return <OwnerEntry client={client} code={entry.code} />
  if (entry.token === undefined) return <ClosedPage closed={{ kind: 'no_token' }} onRetry={() => {}} />
  return <WatchEntry client={client} token={entry.token} />
}

function WatchEntry({ client, token }: { readonly client: CaptionClient; readonly token: string }) {
  const controller = useController(client, 'watcher')
  return <WatchPage controller={controller} token={token} />
}

type Opening =
  | { readonly kind: 'opening' }
  | { readonly kind: 'open'; readonly page: PageInfo }
  | { readonly kind: 'closed'; readonly closed: Closed }

function OwnerEntry({ client, code }: { readonly client: CaptionClient; readonly code: string | undefined }) {
  const controller = useController(client, 'owner')
  const [opening, setOpening] = useState<Opening>({ kind: 'opening' })
  const open = useCallback(async () => {
    setOpening({ kind: 'opening' })
    setOpening(await openPage(client, code))
  }, [client, code])
  useEffect(() => void open(), [open])
  if (opening.kind === 'opening') return <OpeningPage />
  if (opening.kind === 'closed') return <ClosedPage closed={opening.closed} onRetry={() => void open()} />
  return <OwnerPage controller={controller} page={opening.page} />
}

async function openPage(client: CaptionClient, code: string | undefined): Promise<Opening> {
  const outcome = await client.openPage(code)
  if (!outcome.ok) return { kind: 'closed', closed: outcome.error }
  const page = outcome.value
  return page.authenticated ? { kind: 'open', page } : { kind: 'closed', closed: { kind: 'no_session' } }
}

function useController(client: CaptionClient, role: 'owner' | 'watcher'): CaptionController {
  const [controller] = useState(
    () => new CaptionController({ client, clock: systemClock, role, wish: readWish(() => window.localStorage) }),
  )
  useEffect(() => {
    // Leaving the page gives the microphone back; a browser that keeps the page and shows it again finds it at rest.
    const onLeave = () => controller.leave()
    window.addEventListener('pagehide', onLeave)
    return () => window.removeEventListener('pagehide', onLeave)
  }, [controller])
  return controller
}
