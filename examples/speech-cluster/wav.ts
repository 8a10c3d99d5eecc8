// As much of WAV as the client needs: 16-bit mono PCM in and out.

export interface Wav {
  readonly sampleRateHz: number
  /** Samples, 16 bits little endian. */
  readonly pcm: Buffer
}

/** Throws an Error that says what is wrong when it is not 16-bit mono PCM. */
export function readWav(file: Buffer): Wav {
  if (file.toString('latin1', 0, 4) !== 'RIFF' || file.toString('latin1', 8, 12) !== 'WAVE')
    throw new Error('not a WAV file')
  let format: { readonly rate: number; readonly channels: number; readonly bits: number } | undefined
  for (let at = 12; at + 8 <= file.length; ) {
    const name = file.toString('latin1', at, at + 4)
    const size = file.readUInt32LE(at + 4)
    if (name === 'fmt ') {
      format = {
        channels: file.readUInt16LE(at + 10),
        rate: file.readUInt32LE(at + 12),
        bits: file.readUInt16LE(at + 22),
      }
    } else if (name === 'data') {
      if (format?.channels !== 1 || format.bits !== 16) throw new Error('the file must hold 16-bit mono PCM')
      return { sampleRateHz: format.rate, pcm: file.subarray(at + 8, Math.min(file.length, at + 8 + size)) }
    }
    at += 8 + size + (size % 2)
  }
  throw new Error('the file has no samples')
}

export function writeWav({ sampleRateHz, pcm }: Wav): Buffer {
  const header = Buffer.alloc(44)
  header.write('RIFF', 0, 'latin1')
  header.writeUInt32LE(36 + pcm.length, 4)
  header.write('WAVEfmt ', 8, 'latin1')
  header.writeUInt32LE(16, 16)
  header.writeUInt16LE(1, 20)
  header.writeUInt16LE(1, 22)
  header.writeUInt32LE(sampleRateHz, 24)
  header.writeUInt32LE(2 * sampleRateHz, 28)
  header.writeUInt16LE(2, 32)
  header.writeUInt16LE(16, 34)
  header.write('data', 36, 'latin1')
  header.writeUInt32LE(pcm.length, 40)
  return Buffer.concat([header, pcm])
}
