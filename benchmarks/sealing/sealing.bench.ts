// What opening a sealed packet costs: one channel (everything warm), a thousand channels taking turns (their keys and windows are
// not), and node:crypto for comparison. CPU time of this process, medians.
import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto'
import {
  MAX_UDP_PACKET_BYTES,
  UDP_HEADER_BYTES,
  UDP_KINDS,
  UDP_NONCE_BYTES,
  UDP_TAG_BYTES,
  writeUdpHeader,
  writeUdpNonce,
} from '@parley/protocol'
import { OpenerTable, type OpenRefusal, PacketOpener, SenderSeal } from '@parley/sealing'
import type { BenchContext, Benchmark, BenchReport } from '../lib/benchmark.ts'
import { median, round } from '../lib/stats.ts'

const PAYLOAD_BYTES = 60
const MAX_OPEN_US = 0.8
const MANY_CHANNELS = 1_000

/** Opens a set of packets sealed beforehand; each set is used once, as a packet opens once. */
interface Case {
  readonly name: 'open' | 'openManyChannels' | 'seal' | 'nodeCryptoOpen'
  prepare(packets: number): () => void
}

function must(refusal: OpenRefusal | undefined): void {
  if (refusal !== undefined) throw new Error(`a packet was refused: ${refusal}`)
}

function sealMany(sender: SenderSeal, packets: number, firstSeq: number): Uint8Array[] {
  const target = new Uint8Array(MAX_UDP_PACKET_BYTES)
  const payload = randomBytes(PAYLOAD_BYTES)
  return Array.from({ length: packets }, (_, index) =>
    target.slice(0, sender.sealAudio(target, firstSeq + index, index * 320, payload)),
  )
}

const openCase: Case = {
  name: 'open',
  prepare(packets) {
    const key = randomBytes(32)
    const opener = new PacketOpener('receiver', 1, key)
    const sealed = sealMany(new SenderSeal(1, key), packets, 0)
    return () => {
      for (const packet of sealed) must(opener.open(packet))
    }
  },
}

const openManyCase: Case = {
  name: 'openManyChannels',
  prepare(packets) {
    const table = new OpenerTable()
    const rows: number[] = []
    const perChannel = Math.ceil(packets / MANY_CHANNELS)
    const sealed: Uint8Array[][] = []
    for (let channel = 0; channel < MANY_CHANNELS; channel++) {
      const key = randomBytes(32)
      rows.push(table.add(key))
      sealed.push(sealMany(new SenderSeal(channel, key), perChannel, 0))
    }
    return () => {
      for (let index = 0; index < perChannel * MANY_CHANNELS; index++) {
        const channel = index % MANY_CHANNELS
        const packet = (sealed[channel] as Uint8Array[])[Math.floor(index / MANY_CHANNELS)] as Uint8Array
        must(table.open(rows[channel] as number, packet))
      }
    }
  },
}

const sealCase: Case = {
  name: 'seal',
  prepare(packets) {
    const sender = new SenderSeal(1, randomBytes(32))
    const target = new Uint8Array(MAX_UDP_PACKET_BYTES)
    const payload = randomBytes(PAYLOAD_BYTES)
    return () => {
      for (let seq = 0; seq < packets; seq++) sender.sealAudio(target, seq, seq * 320, payload)
    }
  },
}

const nodeCryptoCase: Case = {
  name: 'nodeCryptoOpen',
  prepare(packets) {
    const key = randomBytes(32)
    const payload = randomBytes(PAYLOAD_BYTES)
    const header = Buffer.alloc(UDP_HEADER_BYTES)
    const nonce = Buffer.alloc(UDP_NONCE_BYTES)
    const options = { authTagLength: UDP_TAG_BYTES }
    const sealed = Array.from({ length: packets }, (_, counter) => {
      writeUdpHeader(header, UDP_KINDS.audio, 1, counter, 0)
      writeUdpNonce(nonce, UDP_KINDS.audio, counter)
      const cipher = createCipheriv('chacha20-poly1305', key, nonce, options)
      cipher.setAAD(header, { plaintextLength: PAYLOAD_BYTES })
      return Buffer.concat([header, cipher.update(payload), cipher.final(), cipher.getAuthTag()])
    })
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
  },
}

const CASES = [openCase, openManyCase, sealCase, nodeCryptoCase] as const

function cpuUsPerPacket({ prepare }: Case, packets: number): number {
  const work = prepare(packets)
  globalThis.gc?.()
  const before = process.cpuUsage()
  work()
  const { user, system } = process.cpuUsage(before)
  return (user + system) / packets
}

async function run(context: BenchContext): Promise<BenchReport> {
  const packets = context.quick ? 20_000 : 100_000
  const rounds = context.quick ? 3 : 9
  const samples = new Map(CASES.map((each) => [each.name, [] as number[]]))
  for (const each of CASES) cpuUsPerPacket(each, packets)
  for (let index = 0; index < rounds; index++) {
    for (const each of CASES) samples.get(each.name)?.push(cpuUsPerPacket(each, packets))
  }
  const us = (name: Case['name']) => round(median(samples.get(name) ?? []), 3)
  const data = {
    payloadBytes: PAYLOAD_BYTES,
    packets,
    rounds,
    openUs: us('open'),
    openManyChannelsUs: us('openManyChannels'),
    manyChannels: MANY_CHANNELS,
    sealUs: us('seal'),
    nodeCryptoOpenUs: us('nodeCryptoOpen'),
  }
  const lines = [
    `opening a packet of ${PAYLOAD_BYTES} bytes: ${data.openUs} us of CPU; to hold: <= ${MAX_OPEN_US}`,
    `${MANY_CHANNELS} channels taking turns: ${data.openManyChannelsUs} us; sealing one: ${data.sealUs} us`,
    `with node:crypto: ${data.nodeCryptoOpenUs} us`,
  ]
  return { lines, data, held: data.openUs <= MAX_OPEN_US }
}

export const benchmark: Benchmark = {
  summary: 'CPU of opening one sealed UDP packet, beside node:crypto',
  run,
}
