// A fault of the caller or of this place, with a stable code. Only http/ turns codes into status numbers.

import type { ErrorCode, ErrorDetail } from '@hearth/protocol'

export class HearthError extends Error {
  override readonly name = 'HearthError'
  readonly code: ErrorCode
  readonly details: readonly ErrorDetail[]
  /** Seconds a caller should wait before trying again, where that is known. */
  readonly retryAfterSeconds: number | undefined

  constructor(
    code: ErrorCode,
    message: string,
    options: { details?: readonly ErrorDetail[]; retryAfterSeconds?: number; cause?: unknown } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.code = code
    this.details = options.details ?? []
    this.retryAfterSeconds = options.retryAfterSeconds
  }
}
