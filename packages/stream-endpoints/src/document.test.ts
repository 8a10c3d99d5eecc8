// The page about the endpoints is true: every message on it can be said, and everything that can be said is on it.
import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { test } from 'node:test'
import { compileCheck } from '@parley/protocol'
import type { TSchema } from 'typebox'
import { ASR_SERVER_MESSAGES, decodeAsrCommand } from './asr-messages.ts'
import { EndpointRig, spelled } from './testing/index.ts'
import { decodeTtsCommand, TTS_SERVER_MESSAGES } from './tts-messages.ts'

const page = await readFile(new URL('../../../docs/stream-endpoints.md', import.meta.url), 'utf8')

/** Lines of the blocks that are marked so. */
function examples(mark: string): string[] {
  return [...page.matchAll(/^```json (\S+)\n([\s\S]*?)^```$/gm)]
    .filter((match) => match[1] === mark)
    .flatMap((match) => (match[2] ?? '').trim().split('\n'))
}
const typeOf = (line: string) => (JSON.parse(line) as { type: string }).type

test('[DOC2] what the page lets clients say is understood', () => {
  for (const [mark, decode] of [
    ['asr-client', decodeAsrCommand],
    ['tts-client', decodeTtsCommand],
  ] as const) {
    const lines = examples(mark)
    assert.ok(lines.length >= 5)
    for (const line of lines) {
      const decoded = decode(line)
      assert.ok(decoded.ok, decoded.ok ? '' : `${line}: ${decoded.error.message}`)
    }
  }
})

test('[DOC2] what the page lets the server say fits what it says, and no message of it is left out', () => {
  for (const [mark, messages] of [
    ['asr-server', ASR_SERVER_MESSAGES],
    ['tts-server', TTS_SERVER_MESSAGES],
  ] as const) {
    const schemas: Readonly<Record<string, TSchema>> = messages
    const lines = examples(mark)
    for (const line of lines) {
      const schema = schemas[typeOf(line)]
      assert.ok(schema, line)
      const checked = compileCheck(schema)(JSON.parse(line))
      assert.ok(checked.ok, checked.ok ? '' : `${line}: ${checked.error.message}`)
    }
    assert.deepEqual(Object.keys(schemas).toSorted(), [...new Set(lines.map(typeOf))].toSorted())
  }
})

test('[DOC2] what the server really says fits the same shapes', async (t) => {
  const rig = await EndpointRig.start()
  t.after(() => rig.stop())
  const asr = await rig.asr()
  asr.say({ type: 'config', requestId: 'c', encoding: 'int16', model: 'x' })
  await asr.got('ready')
  asr.send(new Uint8Array(spelled(1, ...Array.from({ length: 20 }, () => 0)).buffer))
  await asr.got('final')
  asr.say({ type: 'config' })
  asr.say({ type: 'reset' })
  asr.say({ type: 'flush', requestId: 'f' })
  asr.say({ type: 'ping', id: 1 })
  await asr.got('flushed')
  asr.say({ type: 'end' })
  await asr.closed()
  const tts = await rig.tts()
  tts.say({ type: 'speak', requestId: 'r', text: 'x' })
  tts.say({ type: 'synthesize', text: 'x' })
  tts.say({ type: 'voices' })
  tts.say({ type: 'list_voices' })
  tts.say({ type: 'speak', text: 'x' })
  tts.say({ type: 'end', requestId: 'e' })
  await tts.closed()
  for (const [client, messages] of [
    [asr, ASR_SERVER_MESSAGES],
    [tts, TTS_SERVER_MESSAGES],
  ] as const) {
    const schemas: Readonly<Record<string, TSchema>> = messages
    assert.ok(client.messages.length > 5)
    for (const message of client.messages) {
      const checked = compileCheck(schemas[message.type] as TSchema)(message)
      assert.ok(checked.ok, checked.ok ? '' : `${JSON.stringify(message)}: ${checked.error.message}`)
    }
  }
})
