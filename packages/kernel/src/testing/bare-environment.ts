/**
 * Environment of a program that is to know nothing of whoever runs the tests: where programs are found, a home that is none, where Node keeps what it
 * has compiled, without which each start would compile everything anew, and what the runner of tests tells Node.
 */
export function bareEnvironment(own: NodeJS.ProcessEnv = {}): NodeJS.ProcessEnv {
  const { PATH, NODE_COMPILE_CACHE, NODE_OPTIONS } = process.env
  return {
    PATH,
    HOME: '/nonexistent',
    ...(NODE_COMPILE_CACHE === undefined ? {} : { NODE_COMPILE_CACHE }),
    ...(NODE_OPTIONS === undefined ? {} : { NODE_OPTIONS }),
    ...own,
  }
}
