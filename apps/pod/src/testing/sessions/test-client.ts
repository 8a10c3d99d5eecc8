// A WebSocket client that records everything it gets and answers nothing by itself.
import { eventually } from '@parley/kernel/testing'
import { CLIENT_SUBPROTOCOL, encodeAudioFrame, type ServerMessage, type ServerMessageType } from '@parley/protocol'
import { WebSocket } from 'ws'

type MessageOf<Type extends ServerMessageType> = Extract<ServerMessage, { type: Type }>

export class TestClient {
  readonly socket: WebSocket
  readonly messages: ServerMessage[] = []
  /** Binary messages: speech. */
  readonly frames: Buffer[] = []
  closed: { code: number; reason: string } | undefined
  #seq = 0
  /** Where the next frame begins. */
  mediaTime = 0

  private constructor(socket: WebSocket) {
    this.socket = socket
    socket.on('message', (data, isBinary) => {
      if (isBinary) this.frames.push(data as Buffer)
      else this.messages.push(JSON.parse(String(data)) as ServerMessage)
    })
    socket.on('close', (code, reason) => {
      this.closed = { code, reason: reason.toString() }
    })
    socket.on('error', () => {})
  }

  static async connect(url: string): Promise<TestClient> {
    const client = new TestClient(new WebSocket(url, CLIENT_SUBPROTOCOL, { perMessageDeflate: false }))
    await eventually(() => (client.socket.readyState === WebSocket.OPEN ? undefined : 'the socket is not open'))
    return client
  }

  send(message: object | string): void {
    this.socket.send(typeof message === 'string' ? message : JSON.stringify(message))
  }

  /** One 20 ms frame of 16 kHz pcm16 whose samples are all `fill`, in the order due. */
  sendFrame(fill = 0): void {
    this.socket.send(encodeAudioFrame(this.#seq, this.mediaTime, new Uint8Array(640).fill(fill)))
    this.#seq++
    this.mediaTime += 320
  }

  get lastSeq(): number {
    return this.#seq - 1
  }

  of<Type extends ServerMessageType>(type: Type): MessageOf<Type>[] {
    return this.messages.filter((message): message is MessageOf<Type> => message.type === type)
  }

  /** Waits for the `count`-th message of `type` (1 = the first). */
  async expect<Type extends ServerMessageType>(type: Type, count = 1): Promise<MessageOf<Type>> {
    await eventually(() => {
      const got = this.of(type).length
      return got >= count ? undefined : `${got} of ${count} "${type}"; closed: ${JSON.stringify(this.closed)}`
    })
    return this.of(type)[count - 1] as MessageOf<Type>
  }

  async expectClosed(): Promise<{ code: number; reason: string }> {
    await eventually(() => (this.closed ? undefined : 'the socket is still open'))
    return this.closed as { code: number; reason: string }
  }

  /** Cuts the TCP connection without a close frame. */
  cut(): void {
    this.socket.terminate()
  }
}
