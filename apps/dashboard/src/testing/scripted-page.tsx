// The page on a scripted client: every state can be put on screen without a pod. Built by the browser tests only.
import { createRoot } from 'react-dom/client'
import { entryOf } from '../model/entry.ts'
import { App } from '../page/app.tsx'
import { ScriptedCaptionClient } from './scripted-caption-client.ts'

declare global {
  interface Window {
    scripted: ScriptedCaptionClient
  }
}

window.scripted = new ScriptedCaptionClient()
const root = document.getElementById('root')
if (!root) throw new Error('the page has no #root')
const entry = entryOf(window.location.pathname, window.location.hash)
createRoot(root).render(<App client={window.scripted} entry={entry} />)
