// The error codes a caller can meet, stable for ever. `docs/errors.md` lists the same ones; a test keeps them equal.

export const ERROR_CODES = {
  // The caller erred
  invalid_request: 'The request has faults; `details` lists every one of them.',
  invalid_json: 'The body is not valid UTF-8 JSON, or is nested too deeply.',
  invalid_package: 'The code package was refused.',
  malformed_request: 'What arrived is not a proper HTTP request; the connection is closed.',
  headers_too_large: "The request's headers are larger than 16 KiB.",
  request_timeout: 'The request did not arrive in time; the connection is closed.',
  payload_too_large: 'The body is larger than this route takes.',
  unsupported_media_type: 'The body has a content type this route does not take.',
  unauthorized: 'No valid key came with the request.',
  forbidden: 'The key is valid but its scopes do not allow this.',
  too_many_attempts: 'Too many wrong keys came from this address; wait as long as `Retry-After` says.',
  not_found: 'Nothing is known under this path or name.',
  function_not_found: 'No function has this id or name.',
  invocation_not_found: 'No invocation is kept under this id.',
  key_not_found: 'No key has this id.',
  route_not_found: 'No function answers on this path.',
  method_not_allowed: 'The path exists but not with this method.',
  name_taken: 'Another function has this name.',
  route_taken: 'Another function has this route.',
  misdirected_host: 'The Host header names a host this server does not answer for.',
  isolation_below_floor: "The isolation asked for is weaker than the function's own setting.",
  // On a function's own route only, where the caller is not the owner: why there is no answer
  function_failed: 'The function failed; its owner finds why under the request id.',
  function_timed_out: 'The function did not answer within its time limit.',
  function_answer_invalid: 'The function answered something that is no HTTP response.',
  // The place cannot do it now
  isolation_unavailable: 'The isolation asked for cannot be had on this machine; the message says what is missing.',
  runtime_unavailable: 'The runtime asked for is not installed on this machine.',
  overloaded: 'The server is reading too many large requests at once; try again after `Retry-After`.',
  throttled: 'The function has no free place and its queue is full; try again after `Retry-After`.',
  draining: 'The server is shutting down.',
  storage_unavailable: 'The store cannot be written now; nothing was changed.',
  start_failed: 'A sandbox could not be started.',
  code_corrupt: 'The stored code no longer has the hash it was stored under; deploy it again.',
  // Hearth erred
  internal: 'Hearth failed; the log has the details under the request id.',
} as const

export type ErrorCode = keyof typeof ERROR_CODES

/** The body of every answer that is an error of Hearth or its caller; a function's failure only on its own route. */
export interface ErrorBody {
  readonly error: {
    readonly code: ErrorCode
    readonly message: string
    readonly requestId: string
    readonly details?: readonly ErrorDetail[]
  }
}

/** One fault in a request: where it is and what is wrong with it. */
export interface ErrorDetail {
  readonly path: string
  readonly message: string
}
