// The receiving thread of the bare reference: a coalesced dgram socket that copies datagrams into a shared ring. It opens, checks and
// orders nothing. Sleeps 2 ms after a turn of the loop that brought less than libuv reads at most (32), as the pod's receiver does.
import { createSocket } from 'node:dgram'
import { parentPort, workerData } from 'node:worker_threads'

const { ring, state, ringBytes } = workerData as {
  ring: SharedArrayBuffer
  state: SharedArrayBuffer
  ringBytes: number
}
const bytes = new Uint8Array(ring)
/** [0] written, [1] read, both running totals of records' places; [2] never changes: to sleep on. */
const words = new Int32Array(state)
const FULL_TURN = 32
const SLEEP_MS = 2
const SLOT_BYTES = 128
const SLOTS = Math.floor(ringBytes / SLOT_BYTES)

const socket = createSocket({ type: 'udp4', recvBufferSize: 4 << 20 })
let batch = 0
let written = 0

socket.on('message', (message) => {
  if (batch++ === 0) setImmediate(rest)
  if (written - Atomics.load(words, 1) >= SLOTS) return
  const at = (written % SLOTS) * SLOT_BYTES
  bytes[at] = message.length
  bytes.set(message, at + 1)
  written++
})

function rest(): void {
  Atomics.store(words, 0, written)
  const wasSmall = batch < FULL_TURN
  batch = 0
  if (wasSmall) Atomics.wait(words, 2, 0, SLEEP_MS)
}

socket.bind(0, '127.0.0.1', () => parentPort?.postMessage(socket.address().port))
