// Reads how much audio an Opus packet claims to hold (RFC 6716 section 3.1), without decoding it.

/** Frame durations in microseconds by the configuration number in the upper five bits of the first byte. */
const FRAME_US_BY_CONFIG: readonly number[] = [
  ...[10_000, 20_000, 40_000, 60_000], // SILK, narrow band
  ...[10_000, 20_000, 40_000, 60_000], // SILK, medium band
  ...[10_000, 20_000, 40_000, 60_000], // SILK, wide band
  ...[10_000, 20_000], // hybrid, super-wide band
  ...[10_000, 20_000], // hybrid, full band
  ...[2_500, 5_000, 10_000, 20_000], // CELT, narrow band
  ...[2_500, 5_000, 10_000, 20_000], // CELT, wide band
  ...[2_500, 5_000, 10_000, 20_000], // CELT, super-wide band
  ...[2_500, 5_000, 10_000, 20_000], // CELT, full band
]

/**
 * Milliseconds of audio the packet holds by its own account; undefined when its first bytes cannot be read (no bytes, or a
 * packet of counted frames without its count). May exceed the 120 ms the standard allows: the caller compares anyway.
 */
export function opusPacketMs(packet: Uint8Array): number | undefined {
  const toc = packet[0]
  if (toc === undefined) return undefined
  const frames = frameCount(toc & 0b11, packet[1])
  if (frames === undefined) return undefined
  return ((FRAME_US_BY_CONFIG[toc >>> 3] as number) * frames) / 1000
}

function frameCount(countCode: number, second: number | undefined): number | undefined {
  if (countCode === 0) return 1
  if (countCode < 3) return 2
  return second === undefined || (second & 0x3f) === 0 ? undefined : second & 0x3f
}

/** True when the packet was encoded from two channels; decoders of one channel mix it down. */
export function isOpusPacketStereo(packet: Uint8Array): boolean {
  return ((packet[0] ?? 0) & 0b100) !== 0
}
