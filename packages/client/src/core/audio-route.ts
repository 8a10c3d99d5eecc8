// Which way audio goes: over the socket, or as datagrams beside it. Decides and switches without loss or disorder; what a path is
// and whether it works is the platform's (DatagramPath), what was sent is AudioOut's.
import { type AudioFormat, extendUint32, fitsUdp, type UdpOffer, type Welcome } from '@parley/protocol'
import type { AudioOut, AudioRoute } from './audio-out.ts'
import type { DatagramPath, OpenDatagrams } from './platform.ts'

/** How audio travels now, and why that way. */
export interface Transport {
  readonly kind: 'udp' | 'ws'
  /** In plain words, to be put behind a colon. */
  readonly reason: string
}

export interface TransportStats {
  readonly packetsSent: number
  readonly probesSent: number
  readonly answers: number
  readonly roundTripMs: number | undefined
  /** Times UDP fell silent while it was used. */
  readonly fallbacks: number
}

export interface AudioRouterOptions {
  readonly audio: AudioOut
  readonly datagrams: OpenDatagrams | { readonly unavailable: string }
  /** Asks the platform for a sign that it has read everything sent so far; undefined when there is no connection. */
  readonly ping: () => number | undefined
  readonly isConnected: () => boolean
  readonly onTransport: (transport: Transport) => void
}

/** A probe sent this long after the last frame, ms, can tell that the frame was lost and not only slower. */
const TAIL_SETTLED_MS = 100

const REFUSALS: Readonly<Record<string, string>> = {
  disabled: 'UDP is switched off on the platform',
  insecure: 'the connection is not encrypted, a key would travel readable',
  format: 'frames of this format are too long for a packet',
  unavailable: 'the platform has no UDP socket',
}
const ASKING: Transport = { kind: 'ws', reason: 'asking whether UDP works' }

/** Why audio of `format` cannot be offered as datagrams at all; undefined when it can. */
export function noDatagramsReason(datagrams: AudioRouterOptions['datagrams'], format: AudioFormat): string | undefined {
  if (typeof datagrams !== 'function') return datagrams.unavailable
  return fitsUdp(format) ? undefined : REFUSALS.format
}

/**
 *   socket     frames go over the WebSocket, or wait for one
 *   changing   they wait until all before them has arrived over the socket (a pong behind the last one)
 *   datagrams  they go over UDP
 *   doubt      they wait: the path was silent, or the socket broke and took the network with it perhaps; the next answer says what
 *              has arrived, and the rest is sent (again). Frames that follow ones lost would make the platform give those up.
 */
type Mode = 'socket' | 'changing' | 'datagrams' | 'doubt'
const ROUTES: Readonly<Record<Mode, AudioRoute>> = { socket: 'ws', changing: 'held', datagrams: 'udp', doubt: 'held' }

export class AudioRouter {
  readonly #options: AudioRouterOptions
  readonly #unavailable: string | undefined
  #path: DatagramPath | undefined
  #isUsable = false
  #mode: Mode = 'socket'
  /** Of the break of the socket: an answer to an earlier probe says nothing about now. */
  #doubtedAtMs = 0
  /** Ping behind the last frame over the socket; its pong opens the way to datagrams. */
  #barrier: number | undefined
  /** Media time before which everything has arrived or was given up. */
  #confirmed = 0
  #transport: Transport
  #told: Transport | undefined
  #fallbacks = 0
  #before = { packetsSent: 0, probesSent: 0, answers: 0 }

  constructor(options: AudioRouterOptions) {
    this.#options = options
    this.#unavailable = noDatagramsReason(options.datagrams, options.audio.format)
    this.#transport = this.#unavailable === undefined ? ASKING : { kind: 'ws', reason: this.#unavailable }
  }

  /** For hello: this client can send datagrams. */
  get isAble(): boolean {
    return this.#unavailable === undefined
  }
  get transport(): Transport {
    return this.#transport
  }
  get stats(): TransportStats {
    const { packetsSent = 0, probesSent = 0, answers = 0, roundTripMs } = this.#path?.stats ?? {}
    return {
      packetsSent: this.#before.packetsSent + packetsSent,
      probesSent: this.#before.probesSent + probesSent,
      answers: this.#before.answers + answers,
      roundTripMs,
      fallbacks: this.#fallbacks,
    }
  }

  /** A new attach, whose audio begins over the socket: the path of the one before is closed, its key opens nothing any more. */
  attach({ udp, udpRefused }: Pick<Welcome, 'udp' | 'udpRefused'>): void {
    this.close()
    const none = this.#unavailable ?? (udp ? undefined : (REFUSALS[udpRefused ?? ''] ?? 'the platform offers no UDP'))
    if (none !== undefined) this.#tell({ kind: 'ws', reason: none })
    else if (udp) this.#open(udp)
  }

  onPong(id: number): void {
    if (id !== this.#barrier) return
    this.#barrier = undefined
    if (this.#mode === 'changing') this.#use()
  }

  /** Whenever the backlog may have gone: only then the way may change. */
  settle(): void {
    const { audio, isConnected, ping } = this.#options
    if (!this.#isUsable || this.#mode !== 'socket' || audio.heldFrames > 0 || !isConnected()) return
    if (audio.lastSeq === -1) {
      this.#use()
      return
    }
    this.#barrier = ping()
    if (this.#barrier !== undefined) this.#enter('changing')
  }

  networkChanged(): void {
    this.#path?.networkChanged()
  }

  /** The socket is gone: datagrams go on when their path still answers; a change that was under way is off. */
  detached(nowMs: number): void {
    this.#barrier = undefined
    if (this.#mode === 'changing') this.#enter('socket')
    if (this.#mode !== 'datagrams') return
    this.#doubtedAtMs = nowMs
    this.#enter('doubt')
    this.#path?.ask()
  }

  close(): void {
    const path = this.#path
    this.#barrier = undefined
    this.#isUsable = false
    this.#enter('socket')
    this.#options.audio.setDatagrams(undefined)
    if (!path) return
    const { packetsSent, probesSent, answers } = this.stats
    this.#before = { packetsSent, probesSent, answers }
    this.#path = undefined
    path.close()
  }

  #enter(mode: Mode): void {
    this.#mode = mode
    this.#options.audio.setRoute(ROUTES[mode])
  }

  #open(offer: UdpOffer): void {
    const { audio, datagrams } = this.#options
    if (typeof datagrams !== 'function') return
    const path = datagrams(offer, {
      onUsable: () => {
        this.#isUsable = true
        this.settle()
      },
      onDoubt: () => {
        if (this.#mode === 'datagrams') this.#enter('doubt')
      },
      onUnusable: (reason) => this.#onUnusable(reason),
      onAnswer: (mediaTime, sentAtMs) => this.#onAnswer(mediaTime, sentAtMs),
    })
    this.#path = path
    this.#transport = ASKING
    audio.setDatagrams((seq, mediaTime, payload) => path.send(seq, mediaTime, payload))
  }

  /** Everything sent over the socket has arrived: from here on datagrams cannot overtake it. */
  #use(): void {
    const { audio } = this.#options
    this.#confirmed = audio.sentEnd
    this.#doubtedAtMs = 0
    this.#enter('datagrams')
    this.#tell({ kind: 'udp', reason: 'probes are answered' })
    audio.pump()
  }

  #onUnusable(reason: string): void {
    const { audio } = this.#options
    const wasUsed = this.#mode === 'datagrams' || this.#mode === 'doubt'
    this.#isUsable = false
    this.#barrier = undefined
    this.#enter('socket')
    if (wasUsed) {
      this.#fallbacks++
      audio.repeatFrom(this.#confirmed)
    }
    this.#tell({ kind: 'ws', reason })
    audio.pump()
  }

  #onAnswer(mediaTime: number, sentAtMs: number): void {
    const { audio } = this.#options
    const isInDoubt = this.#mode === 'doubt'
    if (!isInDoubt && this.#mode !== 'datagrams') return
    const received = extendUint32(mediaTime, audio.sentEnd)
    if (received > this.#confirmed && received <= audio.sentEnd) this.#confirmed = received
    if (isInDoubt && sentAtMs < this.#doubtedAtMs) return
    // Nothing was sent for a while and its end has not arrived: nobody would ever miss it but this client.
    const isTailLost = this.#confirmed < audio.sentEnd && sentAtMs - audio.sentAtMs >= TAIL_SETTLED_MS
    if (!isInDoubt && (!isTailLost || audio.heldFrames > 0)) return
    this.#enter('datagrams')
    audio.repeatFrom(this.#confirmed)
    audio.pump()
  }

  #tell(transport: Transport): void {
    this.#transport = transport
    // Without a connection nothing travels but what datagrams carry: what is next is told with the next attach.
    if (transport.kind === 'ws' && !this.#options.isConnected() && this.#told !== undefined) return
    if (this.#told?.kind === transport.kind && this.#told.reason === transport.reason) return
    this.#told = transport
    this.#options.onTransport(transport)
  }
}
