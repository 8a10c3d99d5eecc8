/**
 * Environment of a program that is to know nothing of whoever runs the tests: where programs are found, a home that is none, and where Node keeps what it
 * has compiled, without which each start would compile everything anew.
 */
export function bareEnvironment(own: NodeJS.ProcessEnv = {}): NodeJS.ProcessEnv {
  const { PATH, NODE_COMPILE_CACHE } = process.env
  return { PATH, HOME: '/nonexistent', ...(NODE_COMPILE_CACHE === undefined ? {} : { NODE_COMPILE_CACHE }), ...own }
}
