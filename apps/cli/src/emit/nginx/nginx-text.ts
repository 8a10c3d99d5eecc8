// How nginx wants its words. Pure.

/** Sections with an empty line between them. */
export const apart = (sections: readonly (readonly string[])[]): string[] =>
  sections.flatMap((section, index) => (index === 0 ? section : ['', ...section]))

export const indent = (lines: readonly string[]): string[] => lines.map((line) => (line === '' ? '' : `  ${line}`))

/** As nginx writes it: whole seconds where they are whole. */
export const time = (ms: number): string => (ms % 1_000 === 0 ? `${ms / 1_000}s` : `${ms}ms`)

/** A value of a directive: quoted where nginx would take it apart. */
export function quote(value: string): string {
  return /^[\w./:@+-]+$/.test(value) ? value : `"${value.replace(/["\\$]/g, '\\$&')}"`
}

export interface Certificate {
  readonly certFile: string
  readonly keyFile: string
}

/** Of a server that speaks TLS with clients. */
export const tlsLines = (tls: Certificate | undefined): string[] =>
  tls
    ? [
        `ssl_certificate ${quote(tls.certFile)};`,
        `ssl_certificate_key ${quote(tls.keyFile)};`,
        'ssl_protocols TLSv1.2 TLSv1.3;',
      ]
    : []

/** Of members that speak TLS, whose certificates `file` vouches for. */
export const memberTlsLines = (file: string | undefined): string[] =>
  file === undefined
    ? []
    : [
        `proxy_ssl_trusted_certificate ${quote(file)};`,
        'proxy_ssl_verify on;',
        'proxy_ssl_verify_depth 4;',
        'proxy_ssl_server_name on;',
      ]
