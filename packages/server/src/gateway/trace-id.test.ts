import { expect, it } from 'vitest'
import { traceExtras } from './trace-id.ts'

it('passes an AWS trace on', () => {
  const traceId = 'Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1'
  expect(traceExtras({ 'x-amzn-trace-id': traceId })).toEqual({ traceId })
})

it('translates a W3C trace', () => {
  const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'
  expect(traceExtras({ traceparent })).toEqual({
    traceId: 'Root=1-0af76519-16cd43dd8448eb211c80319c;Parent=b7ad6b7169203331;Sampled=1',
  })
})

it.each([{}, { traceparent: 'x' }, { 'x-amzn-trace-id': 'with space' }, { 'x-amzn-trace-id': 'x'.repeat(300) }])(
  'leaves out what it cannot understand: %o',
  (headers) => {
    expect(traceExtras(headers)).toBeNull()
  },
)
