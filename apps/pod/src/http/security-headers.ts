// What browsers are told about our answers. The page is static files of this host: nothing inline, nothing from elsewhere.
import type { FastifyHelmetOptions } from '@fastify/helmet'
import type { ResolvedConfig } from '@parley/config'

const HSTS_SECONDS = 15_552_000

export function helmetOptions(
  tls: ResolvedConfig['tls']['mode'],
  pageOrigins: (host: string | undefined) => readonly string[] = () => [],
): FastifyHelmetOptions {
  return {
    contentSecurityPolicy: {
      useDefaults: false,
      directives: {
        defaultSrc: ["'none'"],
        // The AudioWorklet is a file like the rest: `workerSrc` and `scriptSrc` govern it, depending on the browser.
        scriptSrc: ["'self'"],
        workerSrc: ["'self'"],
        styleSrc: ["'self'"],
        imgSrc: ["'self'", 'data:', 'blob:'],
        fontSrc: ["'self'"],
        mediaSrc: ["'self'", 'blob:'],
        manifestSrc: ["'self'"],
        // A session may live on another pod, whose address the page learns only then.
        connectSrc: ["'self'", 'ws:', 'wss:', ({ headers }) => pageOrigins(headers.host).join(' ')],
        baseUri: ["'none'"],
        formAction: ["'none'"],
        frameAncestors: ["'none'"],
      },
    },
    // A browser that remembers "TLS only" cannot click past a self-signed certificate, nor reach a later plain one.
    strictTransportSecurity: tls === 'files' ? { maxAge: HSTS_SECONDS, includeSubDomains: false } : false,
    crossOriginEmbedderPolicy: false,
    xFrameOptions: { action: 'deny' },
    referrerPolicy: { policy: 'no-referrer' },
  }
}

/**
 * The same for answers to programs, as one list made once: they are JSON, of which a browser renders nothing. What the page needs is worked out anew for
 * each request, which would cost more than opening a session.
 */
export function apiHeaders(tls: ResolvedConfig['tls']['mode']): Readonly<Record<string, string>> {
  return {
    'content-security-policy': "default-src 'none';frame-ancestors 'none'",
    'cross-origin-resource-policy': 'same-origin',
    'referrer-policy': 'no-referrer',
    'x-content-type-options': 'nosniff',
    'x-frame-options': 'DENY',
    ...(tls === 'files' ? { 'strict-transport-security': `max-age=${HSTS_SECONDS}` } : {}),
  }
}

/** Only this page may ask for the microphone; nobody for the rest. */
export const PERMISSIONS_POLICY = 'microphone=(self), camera=(), geolocation=(), display-capture=()'
