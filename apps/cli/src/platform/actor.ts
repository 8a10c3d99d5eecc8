// Who is at the command line, as the records of administrative acts name them.
import os from 'node:os'

/** `cli:` and the name of the user, or its number where it has none. */
export function actorOf(): string {
  try {
    return `cli:${os.userInfo().username}`
  } catch {
    return `cli:${process.getuid?.() ?? 'unknown'}`
  }
}
