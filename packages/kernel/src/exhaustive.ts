/** Ends a switch over a union: a new arm without a case is a compile error here, and a thrown one at run time. */
export function assertNever(value: never): never {
  throw new Error(`unreachable: ${JSON.stringify(value)}`)
}
