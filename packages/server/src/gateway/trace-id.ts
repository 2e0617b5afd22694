// The trace a call belongs to, in the form functions know from AWS: `Root=1-5759e988-bd862e3fe1be46a994272793;...`.

import type { IncomingHttpHeaders } from 'node:http'
import type { CallExtras } from '@hearth/protocol'

/** Null when the caller names no trace, or none that can be understood: a trace is never worth refusing a call. */
export function traceExtras(headers: IncomingHttpHeaders): CallExtras | null {
  const amazon = headers['x-amzn-trace-id']
  if (typeof amazon === 'string' && /^[\x21-\x7e]{1,256}$/.test(amazon)) return { traceId: amazon }
  const { traceparent } = headers
  if (typeof traceparent !== 'string') return null
  const [, trace, parent, flags] =
    /^[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(?:-|$)/.exec(traceparent) ?? []
  if (trace === undefined || flags === undefined) return null
  const sampled = Number.parseInt(flags, 16) & 1
  return { traceId: `Root=1-${trace.slice(0, 8)}-${trace.slice(8)};Parent=${parent};Sampled=${sampled}` }
}
