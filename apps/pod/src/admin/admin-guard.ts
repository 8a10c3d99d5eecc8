// Who may use the admin listener. Pure. On the unix socket the file's mode is the guard; over TCP it is this.
import { createHash, timingSafeEqual } from 'node:crypto'
import { isLoopbackHost } from '@parley/config'
import { err, ok, type Result } from '@parley/kernel'
import { ParleyError } from '@parley/protocol'

type Headers = Readonly<Record<string, string | string[] | undefined>>

/**
 * `token` empty = none is asked for (loopback only; the configuration refuses it elsewhere). Whatever a browser sends is refused:
 * a page whose name was made to point at this machine must not get in.
 */
export function adminGuard(isTcp: boolean, token: string): (headers: Headers) => Result<void, ParleyError> {
  if (!isTcp) return () => ok(undefined)
  const expected = sha256(token)
  return ({ origin, host, authorization }) => {
    if (origin !== undefined) {
      return err(new ParleyError('ORIGIN_REFUSED', { message: 'the admin listener is not for web pages' }))
    }
    if (token === '') return isLoopbackHost(nameOf(host)) ? ok(undefined) : err(foreignHost())
    const [scheme = '', presented = ''] = typeof authorization === 'string' ? authorization.split(/ +/, 2) : []
    const isRight = scheme.toLowerCase() === 'bearer' && timingSafeEqual(sha256(presented), expected)
    return isRight ? ok(undefined) : err(new ParleyError('UNAUTHENTICATED', { message: 'send admin.token as Bearer' }))
  }
}

function foreignHost(): ParleyError {
  const message = 'without admin.token the admin listener answers only to localhost, 127.0.0.1 and ::1'
  return new ParleyError('FORBIDDEN', { message })
}

/** Host header without its port. */
function nameOf(host: string | string[] | undefined): string {
  return typeof host === 'string' ? host.replace(/:\d+$/, '') : ''
}

function sha256(text: string): Buffer {
  return createHash('sha256').update(text).digest()
}
