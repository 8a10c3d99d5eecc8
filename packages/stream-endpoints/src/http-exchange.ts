// One request that is not a WebSocket, from its body to the end of its answer.
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { ParleyError } from '@parley/protocol'
import { type RefusalForm, refusalOf } from './http-refusal.ts'

export class HttpExchange {
  readonly request: IncomingMessage
  readonly response: ServerResponse
  readonly requestId: string
  readonly form: RefusalForm
  readonly #gone = new AbortController()

  constructor(request: IncomingMessage, response: ServerResponse, requestId: string, form: RefusalForm) {
    this.request = request
    this.response = response
    this.requestId = requestId
    this.form = form
    response.once('close', () => {
      if (!response.writableFinished) this.#gone.abort()
    })
    response.on('error', () => this.#gone.abort())
  }

  /** Aborted when the client has gone away before it had its answer. */
  get signal(): AbortSignal {
    return this.#gone.signal
  }
  get isBegun(): boolean {
    return this.response.headersSent
  }

  /** The beginning of an answer that comes in pieces. */
  begin(contentType: string): void {
    this.response.writeHead(200, this.#headers(contentType))
  }

  /** A whole answer. */
  send(contentType: string, body: string): void {
    this.response.writeHead(200, {
      ...this.#headers(contentType),
      'content-length': String(Buffer.byteLength(body)),
    })
    this.response.end(body)
  }

  json(value: object): void {
    this.send('application/json; charset=utf-8', JSON.stringify(value))
  }

  /** Refuses in the form of the endpoint. An answer that has begun is cut off: its client sees that it is not whole. */
  fail(error: ParleyError): void {
    if (this.isBegun) {
      this.response.destroy()
      return
    }
    const { status, headers, body } = refusalOf(this.form, error, this.requestId)
    this.response.writeHead(status, headers)
    this.response.end(body)
  }

  #headers(contentType: string): Record<string, string> {
    return { 'content-type': contentType, 'cache-control': 'no-store', 'x-request-id': this.requestId }
  }
}
