// Entry of the page: reads the address, takes the one-time code out of sight, draws.
import { createRoot } from 'react-dom/client'
import { entryOf } from './model/entry.ts'
import { App } from './page/app.tsx'
import { parleyCaptionClient } from './parley-caption-client.ts'

const entry = entryOf(window.location.pathname, window.location.hash)
// The code works once: in the address bar it would only be copied, kept in the history and fail.
if (entry.kind === 'owner' && entry.code !== undefined) window.history.replaceState(null, '', window.location.pathname)

// A new address in the same tab often differs in its fragment only, which loads nothing by itself.
window.addEventListener('hashchange', () => window.location.reload())

const root = document.getElementById('root')
if (!root) throw new Error('index.html has no #root')
createRoot(root).render(<App client={parleyCaptionClient()} entry={entry} />)
