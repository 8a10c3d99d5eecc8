/** How the client introduces itself in hello. The version is that of package.json; a test compares them. */
export const CLIENT_NAME = 'parley-client'
export const CLIENT_VERSION = '0.1.0'
