// Requests as a span of the loop.
import type { RequestListener } from 'node:http'
import { SPAN, type StageTimer } from '@parley/telemetry'

/** Times what a request does at once; what it does after an await is part of the calibrated cost of requests. */
export function timedHandler(stages: StageTimer, handler: RequestListener): RequestListener {
  return (request, response) => {
    stages.enter(SPAN.http)
    try {
      handler(request, response)
    } finally {
      stages.leave()
    }
  }
}
