// What opening a sealed packet costs: one channel (everything warm), a thousand channels taking turns (their keys and windows are
// not), beside the bare cipher and node:crypto. CPU time of this thread, medians. Packets are sealed shortly before they are opened, as
// they come from the kernel: warm.
import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto'
import {
  MAX_UDP_PACKET_BYTES,
  UDP_HEADER_BYTES,
  UDP_KEY_BYTES,
  UDP_KINDS,
  UDP_NONCE_BYTES,
  UDP_TAG_BYTES,
  writeUdpHeader,
  writeUdpNonce,
} from '@parley/protocol'
import { OpenerTable, type OpenRefusal, PacketOpener, SenderSeal } from '@parley/sealing'
import sodium from 'sodium-native'
import type { BenchContext, Benchmark, BenchReport } from '../lib/benchmark.ts'
import { median, round } from '../lib/stats.ts'

const PAYLOAD_BYTES = 60
/** Where the bare cipher takes 0.6 us, as on the reference machine: what holds everywhere is how much comes on top of it. */
const MAX_OPEN_US = 0.8
const MAX_OPEN_RATIO = 0.8 / 0.6
/** Also how many channels take turns. */
const CHUNK_PACKETS = 1_000
const PAYLOAD = randomBytes(PAYLOAD_BYTES)
const target = new Uint8Array(MAX_UDP_PACKET_BYTES)

interface Case {
  readonly name: 'bareCipher' | 'open' | 'openManyChannels' | 'seal' | 'nodeCryptoOpen'
  /** Gives what prepares a chunk of packets; that gives what is measured, once, as a packet opens once. */
  start(): () => () => void
}

function must(refusal: OpenRefusal | undefined): void {
  if (refusal !== undefined) throw new Error(`a packet was refused: ${refusal}`)
}

function sealOne(sender: SenderSeal, seq: number): Uint8Array {
  return target.slice(0, sender.sealAudio(target, seq, seq * 320, PAYLOAD))
}

const chunk = <T>(make: (index: number) => T): T[] => Array.from({ length: CHUNK_PACKETS }, (_, index) => make(index))

/** The library's call alone, over and over on one packet. */
const bareCipherCase: Case = {
  name: 'bareCipher',
  start() {
    const key = randomBytes(UDP_KEY_BYTES)
    const nonce = Buffer.alloc(UDP_NONCE_BYTES)
    const header = Buffer.alloc(UDP_HEADER_BYTES)
    const cipher = Buffer.alloc(PAYLOAD_BYTES + UDP_TAG_BYTES)
    const plain = Buffer.alloc(PAYLOAD_BYTES)
    sodium.crypto_aead_chacha20poly1305_ietf_encrypt(cipher, PAYLOAD, header, null, nonce, key)
    return () => () => {
      for (let index = 0; index < CHUNK_PACKETS; index++) {
        sodium.crypto_aead_chacha20poly1305_ietf_decrypt(plain, null, cipher, header, nonce, key)
      }
    }
  },
}

const openCase: Case = {
  name: 'open',
  start() {
    const key = randomBytes(32)
    const sender = new SenderSeal(1, key)
    const opener = new PacketOpener('receiver', 1, key)
    let seq = 0
    return () => {
      const sealed = chunk(() => sealOne(sender, seq++))
      return () => {
        for (const packet of sealed) must(opener.open(packet))
      }
    }
  },
}

const openManyCase: Case = {
  name: 'openManyChannels',
  start() {
    const table = new OpenerTable()
    const channels = chunk((channel) => {
      const key = randomBytes(32)
      return { row: table.add(key), sender: new SenderSeal(channel, key) }
    })
    let seq = 0
    return () => {
      const sealed = channels.map(({ row, sender }) => ({ row, packet: sealOne(sender, seq) }))
      seq++
      return () => {
        for (const { row, packet } of sealed) must(table.open(row, packet))
      }
    }
  },
}

const sealCase: Case = {
  name: 'seal',
  start() {
    const sender = new SenderSeal(1, randomBytes(32))
    let seq = 0
    return () => () => {
      for (let index = 0; index < CHUNK_PACKETS; index++, seq++) sender.sealAudio(target, seq, seq * 320, PAYLOAD)
    }
  },
}

const nodeCryptoCase: Case = {
  name: 'nodeCryptoOpen',
  start() {
    const key = randomBytes(32)
    const header = Buffer.alloc(UDP_HEADER_BYTES)
    const nonce = Buffer.alloc(UDP_NONCE_BYTES)
    const options = { authTagLength: UDP_TAG_BYTES }
    const sealWithNode = (counter: number) => {
      writeUdpHeader(header, UDP_KINDS.audio, 1, counter, 0)
      writeUdpNonce(nonce, UDP_KINDS.audio, counter)
      const cipher = createCipheriv('chacha20-poly1305', key, nonce, options)
      cipher.setAAD(header, { plaintextLength: PAYLOAD_BYTES })
      return Buffer.concat([header, cipher.update(PAYLOAD), cipher.final(), cipher.getAuthTag()])
    }
    return () => {
      const sealed = chunk(sealWithNode)
      return () => {
        for (const [counter, packet] of sealed.entries()) {
          writeUdpNonce(nonce, UDP_KINDS.audio, counter)
          const decipher = createDecipheriv('chacha20-poly1305', key, nonce, options)
          decipher.setAAD(packet.subarray(0, UDP_HEADER_BYTES), { plaintextLength: PAYLOAD_BYTES })
          decipher.setAuthTag(packet.subarray(-UDP_TAG_BYTES))
          decipher.update(packet.subarray(UDP_HEADER_BYTES, -UDP_TAG_BYTES))
          decipher.final()
        }
      }
    }
  },
}

const CASES = [bareCipherCase, openCase, openManyCase, sealCase, nodeCryptoCase] as const

function cpuUsPerPacket({ start }: Case, chunks: number): number {
  const prepare = start()
  let cpuUs = 0
  for (let index = 0; index < chunks; index++) {
    const work = prepare()
    const before = process.threadCpuUsage()
    work()
    const { user, system } = process.threadCpuUsage(before)
    cpuUs += user + system
  }
  return cpuUs / (chunks * CHUNK_PACKETS)
}

async function run(context: BenchContext): Promise<BenchReport> {
  const chunks = context.quick ? 20 : 100
  const rounds = context.quick ? 3 : 9
  const samples = new Map(CASES.map((each) => [each.name, [] as number[]]))
  for (const each of CASES) cpuUsPerPacket(each, chunks)
  for (let index = 0; index < rounds; index++) {
    for (const each of CASES) samples.get(each.name)?.push(cpuUsPerPacket(each, chunks))
  }
  const us = (name: Case['name']) => round(median(samples.get(name) ?? []), 3)
  const openRatio = round(us('open') / us('bareCipher'), 2)
  const data = {
    payloadBytes: PAYLOAD_BYTES,
    packets: chunks * CHUNK_PACKETS,
    rounds,
    bareCipherUs: us('bareCipher'),
    openUs: us('open'),
    openRatio,
    openManyChannelsUs: us('openManyChannels'),
    manyChannels: CHUNK_PACKETS,
    sealUs: us('seal'),
    nodeCryptoOpenUs: us('nodeCryptoOpen'),
  }
  const lines = [
    `opening a packet of ${PAYLOAD_BYTES} bytes: ${data.openUs} us of CPU, ${openRatio} x the bare cipher's ${data.bareCipherUs}; ` +
      `to hold: <= ${MAX_OPEN_US} us where that takes 0.6, else <= ${round(MAX_OPEN_RATIO, 2)} x`,
    `${CHUNK_PACKETS} channels taking turns: ${data.openManyChannelsUs} us; sealing one: ${data.sealUs} us`,
    `with node:crypto: ${data.nodeCryptoOpenUs} us`,
  ]
  return { lines, data, held: data.openUs <= MAX_OPEN_US || openRatio <= MAX_OPEN_RATIO }
}

export const benchmark: Benchmark = {
  summary: 'CPU of opening one sealed UDP packet, beside node:crypto',
  run,
}
