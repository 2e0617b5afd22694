// The shapes of the native API, for its documentation and for checking queries. Bodies are checked by the catalog, whose
// rules say more than a schema can. The types of `@hearth/protocol` are the truth; the compiler compares where views are
// made.

import { ACCESSES, ISOLATIONS, LANGUAGES, LIMITS, NETWORKS, OUTCOME_WORDS, SCOPES, START_WORDS } from '@hearth/protocol'
import { Type } from 'typebox'

const words = <const T extends readonly string[]>(list: T) => Type.Enum<[...T]>([...list])
const nullable = <T extends Type.TSchema>(schema: T) => Type.Union([schema, Type.Null()])

const access = words(ACCESSES)
const isolation = words(ISOLATIONS)
const isolationOrAuto = words(['auto', ...ISOLATIONS])
const language = words(LANGUAGES)
const network = words(NETWORKS)
const outcome = words(OUTCOME_WORDS)
const env = Type.Record(Type.String(), Type.String())
const whole = (minimum: number, maximum: number) => Type.Integer({ minimum, maximum })
const time = Type.String({ format: 'date-time' })

export const ErrorBodySchema = Type.Object({
  error: Type.Object({
    code: Type.String({ description: 'Stable; docs/errors.md lists them all.' }),
    message: Type.String(),
    requestId: Type.String(),
    details: Type.Optional(Type.Array(Type.Object({ path: Type.String(), message: Type.String() }))),
  }),
})

const functionFields = {
  name: Type.String({ pattern: '^[A-Za-z0-9_-]{1,64}$' }),
  description: Type.String({ maxLength: LIMITS.descriptionLength }),
  language,
  runtime: Type.String({ description: 'A name or alias that GET /runtimes shows.' }),
  code: Type.String({ description: 'The whole function in one file.' }),
  zip: Type.String({ description: 'A zip archive in base64; or send the archive as the body, as application/zip.' }),
  handler: Type.String({ description: '`file.name`; index.handler unless given.' }),
  function_name: Type.String({ description: 'Inline code: the function to call; handler unless given.' }),
  timeout: whole(LIMITS.timeoutSecondsMin, LIMITS.timeoutSecondsMax),
  memory: whole(LIMITS.memoryMbMin, LIMITS.memoryMbMax),
  env,
  route: nullable(
    Type.String({ description: 'A path such as /hello/{name} or /files/{path+} on the functions port.' }),
  ),
  access,
  isolation: isolationOrAuto,
  network,
}

export const FunctionChangeSchema = Type.Partial(Type.Object(functionFields))
export const FunctionInputSchema = Type.Intersect([
  Type.Object({ name: functionFields.name }),
  Type.Partial(Type.Object(functionFields)),
])

export const FunctionViewSchema = Type.Object({
  id: Type.String(),
  name: Type.String(),
  description: Type.String(),
  language,
  runtime: Type.String(),
  handler: Type.String(),
  timeout: Type.Integer(),
  memory: Type.Integer(),
  env,
  route: nullable(Type.String()),
  access,
  isolation: isolationOrAuto,
  network,
  version: Type.Integer(),
  code_sha256: Type.String(),
  code_bytes: Type.Integer(),
  code: Type.Optional(Type.String()),
  url: nullable(Type.String()),
  created_at: time,
  updated_at: time,
})

export const PageQuery = Type.Object(
  {
    limit: Type.Optional(
      Type.Integer({ minimum: 1, maximum: LIMITS.pageSizeMax, description: `${LIMITS.pageSizeDefault} unless given` }),
    ),
    cursor: Type.Optional(Type.String({ description: '`next` of the page before' })),
  },
  { additionalProperties: false },
)

export const pageOf = <T extends Type.TSchema>(item: T) =>
  Type.Object({ items: Type.Array(item), next: nullable(Type.String()) })

export const IdParams = Type.Object({ id: Type.String() })

export const ExecuteInputSchema = Type.Object({
  id: Type.String({ description: 'Id or name of the function' }),
  args: Type.Optional(Type.Array(Type.Unknown(), { maxItems: LIMITS.argumentsCount })),
  isolation: Type.Optional(isolation),
  use_gvisor: Type.Optional(Type.Boolean()),
})

export const ExecuteViewSchema = Type.Object({
  request_id: Type.String(),
  outcome,
  output: Type.Unknown(),
  error: nullable(Type.Object({ type: Type.String(), message: Type.String(), trace: Type.Array(Type.String()) })),
  stdout: Type.String(),
  stderr: Type.String(),
  isolation,
  start: words(START_WORDS),
  duration_ms: Type.Number(),
})

export const InvocationViewSchema = Type.Object({
  id: Type.String(),
  function_id: Type.String(),
  function_name: Type.String(),
  version: Type.Integer(),
  trigger: words(['invoke', 'route', 'execute']),
  outcome,
  error_type: nullable(Type.String()),
  error_message: nullable(Type.String()),
  runtime: Type.String(),
  language,
  isolation,
  start: words(START_WORDS),
  sandbox_id: Type.String(),
  received_at: time,
  queue_ms: Type.Number(),
  init_ms: Type.Number(),
  run_ms: Type.Number(),
  total_ms: Type.Number(),
  billed_ms: Type.Number(),
  memory_mb: Type.Integer(),
  memory_used_bytes: nullable(Type.Number()),
  cpu_ms: nullable(Type.Number()),
  event_bytes: Type.Integer(),
  answer_bytes: Type.Integer(),
})

export const InvocationWithLogsSchema = Type.Intersect([
  InvocationViewSchema,
  Type.Object({
    logs: Type.Array(Type.Object({ time, stream: words(['stdout', 'stderr']), text: Type.String() })),
    logs_dropped_bytes: Type.Integer(),
  }),
])

export const InvocationQuerySchema = Type.Object(
  { ...PageQuery.properties, outcome: Type.Optional(outcome) },
  { additionalProperties: false },
)

const metricsRow = {
  count: Type.Integer(),
  errors: Type.Integer(),
  timeouts: Type.Integer(),
  crashes: Type.Integer(),
  ooms: Type.Integer(),
  throttles: Type.Integer(),
  error_rate: Type.Number(),
  cold_starts: Type.Integer(),
  pool_starts: Type.Integer(),
  cold_share: Type.Number(),
  average_ms: Type.Number(),
  p50_ms: Type.Number(),
  p95_ms: Type.Number(),
  p99_ms: Type.Number(),
}

export const MetricsSummarySchema = Type.Object({
  since: time,
  total: Type.Object(metricsRow),
  functions: Type.Array(Type.Object({ ...metricsRow, function_id: Type.String(), function_name: Type.String() })),
  languages: Type.Array(Type.Object({ ...metricsRow, language })),
  isolations: Type.Array(Type.Object({ ...metricsRow, isolation })),
})

export const KeyInputSchema = Type.Object({
  name: Type.String({ minLength: 1, maxLength: LIMITS.nameLength }),
  scopes: Type.Array(words(SCOPES), { minItems: 1 }),
  expires_in_seconds: Type.Optional(Type.Integer({ minimum: 1 })),
})

export const KeyViewSchema = Type.Object({
  id: Type.String(),
  name: Type.String(),
  scopes: Type.Array(words(SCOPES)),
  created_at: time,
  expires_at: nullable(time),
  last_used_at: nullable(time),
  key: Type.Optional(Type.String({ description: 'Only in the answer that creates it.' })),
})

export const DriverViewSchema = Type.Object({
  isolation,
  available: Type.Boolean(),
  reason: nullable(Type.String()),
  rootless: Type.Boolean(),
  limits: Type.Object({
    memory: Type.String(),
    cpu: Type.String(),
    processes: Type.String(),
    disk: Type.String(),
  }),
  freeze: Type.String(),
  networks: Type.Array(network),
  notes: Type.Array(Type.String()),
  probe_ms: nullable(Type.Number()),
})

export const RuntimeViewSchema = Type.Object({
  name: Type.String(),
  language,
  version: Type.String(),
  aliases: Type.Array(Type.String()),
  interpreter: Type.String(),
})

export const HealthSchema = Type.Object({ status: Type.String() })
