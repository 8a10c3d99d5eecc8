// What became of a test file, as plain values: reporter.ts writes them in the process of the file, run-files.ts reads them.

export type TestNote =
  | { readonly is: 'passed'; readonly file: string }
  | { readonly is: 'skipped'; readonly file: string; readonly name: string; readonly why: string }
  /** `text`: where, what, and the end of what the file wrote on standard error. */
  | { readonly is: 'failed'; readonly file: string; readonly text: string }
  /** It has failed, and is run once more when all others are through. */
  | { readonly is: 'put-off'; readonly file: string; readonly text: string }
  /** It failed beside others and passed by itself; `text`: as it failed. */
  | { readonly is: 'unsteady'; readonly file: string; readonly text: string }
  /** A file is through. `cpuMs`: of its process and of the programs it started and waited for. */
  | { readonly is: 'file'; readonly file: string; readonly ms: number; readonly cpuMs: number }

/** A line of the reporter. */
export type ReportedLine =
  | { readonly is: 'begun' | 'done'; readonly name: string }
  | { readonly is: 'passed'; readonly name: string }
  | { readonly is: 'skipped'; readonly name: string; readonly why: string }
  | { readonly is: 'failed'; readonly name: string; readonly reason: string }
  | { readonly is: 'cpu'; readonly cpuMs: number }
