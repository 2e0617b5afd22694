// Counts and latencies of what was called, by function, language and isolation.

import type { MetricsSummary } from '@hearth/protocol'
import type { Api } from './api.ts'
import { ErrorBodySchema, MetricsSummarySchema } from './schemas.ts'

export interface MetricsRoutesParts {
  readonly metrics: { summary(): MetricsSummary }
}

export function addMetricsRoutes(api: Api, { metrics }: MetricsRoutesParts): void {
  for (const url of ['/metrics/summary', '/metrics']) {
    api.get(
      url,
      {
        config: { scope: 'read' },
        schema: {
          tags: ['metrics'],
          summary: 'Counts, error rates and latencies',
          response: { 200: MetricsSummarySchema, '4xx': ErrorBodySchema },
        },
      },
      async () => metrics.summary(),
    )
  }
}
