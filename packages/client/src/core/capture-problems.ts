// Why a browser gives no microphone: a closed list, with words a person can act on. Pure; the browser part maps its
// exceptions here.

export const CAPTURE_PROBLEMS = {
  'no-microphone': {
    sentence: 'No microphone was found.',
    nextStep: 'Connect one, or choose another in the settings of the browser.',
  },
  denied: {
    sentence: 'The browser was not allowed to use the microphone.',
    nextStep: 'Allow the microphone for this page (the symbol beside the address), then try again.',
  },
  'insecure-context': {
    sentence: 'Browsers give the microphone only to pages served over HTTPS or from this machine.',
    nextStep: 'Open the page over https:// (./parley up --tls self-signed) or as http://localhost.',
  },
  'in-use': {
    sentence: 'The microphone does not start; another program may be using it.',
    nextStep: 'Close programs that record, then try again.',
  },
  'not-supported': {
    sentence: 'This browser cannot record sound the way captions need it.',
    nextStep: 'Use a current Chromium, Firefox or Safari.',
  },
} as const

export type CaptureProblem = keyof typeof CAPTURE_PROBLEMS

/** Thrown when the microphone cannot be had; `problem` is what to show words for. */
export class CaptureError extends Error {
  readonly problem: CaptureProblem

  constructor(problem: CaptureProblem, cause?: unknown) {
    const { sentence, nextStep } = CAPTURE_PROBLEMS[problem]
    super(`${sentence} ${nextStep}`, cause === undefined ? undefined : { cause })
    this.name = 'CaptureError'
    this.problem = problem
  }
}

/** Names of the exceptions of getUserMedia (Media Capture and Streams, section 10.2). */
const PROBLEM_OF_EXCEPTION: Readonly<Record<string, CaptureProblem>> = {
  NotFoundError: 'no-microphone',
  OverconstrainedError: 'no-microphone',
  NotAllowedError: 'denied',
  SecurityError: 'insecure-context',
  NotReadableError: 'in-use',
  AbortError: 'in-use',
  TypeError: 'not-supported',
  NotSupportedError: 'not-supported',
}

export function captureError(thrown: unknown): CaptureError {
  if (thrown instanceof CaptureError) return thrown
  const name = typeof thrown === 'object' && thrown !== null && 'name' in thrown ? String(thrown.name) : ''
  return new CaptureError(PROBLEM_OF_EXCEPTION[name] ?? 'not-supported', thrown)
}
