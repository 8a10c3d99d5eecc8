/** How the client introduces itself in hello. The version is that of package.json; a test compares them. */
export const CLIENT_NAME = 'parley-client'
export const CLIENT_VERSION = '0.1.0'
/** As a hello names it. */
export const CLIENT = { clientName: CLIENT_NAME, clientVersion: CLIENT_VERSION } as const
