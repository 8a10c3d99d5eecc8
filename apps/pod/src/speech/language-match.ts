// Which of the languages an engine lists answers a wish. Pure.

/**
 * The tag of `known` (BCP 47) that serves `wanted`: the same tag in any case; for a bare language (`en`) any of its
 * variants; for a variant (`en-US`) the bare language, where an engine lists that. Never another variant.
 */
export function matchLanguage(wanted: string, known: readonly string[]): string | undefined {
  const tag = wanted.toLowerCase()
  const bare = tag.split('-')[0] as string
  return (
    known.find((candidate) => candidate.toLowerCase() === tag) ??
    known.find((candidate) =>
      tag === bare ? candidate.toLowerCase().startsWith(`${bare}-`) : candidate.toLowerCase() === bare,
    )
  )
}
