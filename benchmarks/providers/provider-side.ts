// The provider as a process of its own: the fake one over TLS, answering at once, so that what is measured is the way to it.
import { ok, systemClock } from '@parley/kernel'
import { type FakeProvider, startFakeProvider } from '@parley/providers/fake'
import { testCertificate } from '@parley/providers/testing'
import { serveBench } from '../lib/child.ts'

let provider: FakeProvider | undefined

serveBench({
  async start() {
    const tls = await testCertificate()
    // A text of the length of a translation; none is made, because this is about the way there and back.
    const chat = { answer: async ({ text }: { readonly text: string }) => ok(`${text} y m\u00e1s`) }
    provider = await startFakeProvider({ clock: systemClock, tls, backing: { chat } })
    return { port: Number(new URL(provider.url).port), cert: tls.cert }
  },
  stats: () => provider?.stats(),
})
