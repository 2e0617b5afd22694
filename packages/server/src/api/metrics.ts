// Counts and latencies of what was called, by function, language and isolation.

import type { MetricsSummary } from '@hearth/protocol'
import type { Api } from './api.ts'
import { ErrorBodySchema, MetricsSummarySchema } from './schemas.ts'

export interface MetricsRoutesParts {
  readonly metrics: {
    summary(): MetricsSummary
    /** The summary and how the server itself is. */
    report(): MetricsSummary
  }
}

export function addMetricsRoutes(api: Api, { metrics }: MetricsRoutesParts): void {
  const routes = [
    { url: '/metrics/summary', summary: 'Counts, error rates and latencies', answer: () => metrics.summary() },
    { url: '/metrics', summary: 'The same, with sandboxes and the server itself', answer: () => metrics.report() },
  ]
  for (const { url, summary, answer } of routes) {
    api.get(
      url,
      {
        config: { scope: 'read' },
        schema: { tags: ['metrics'], summary, response: { 200: MetricsSummarySchema, '4xx': ErrorBodySchema } },
      },
      async () => answer(),
    )
  }
}
