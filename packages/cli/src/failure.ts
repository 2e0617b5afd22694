// What can go wrong, and the exit code for it: 1 when the function or the service failed, 2 when the command was wrong.

import type { ErrorDetail } from '@hearth/protocol'

export class UsageError extends Error {
  override readonly name = 'UsageError'
}

/** The service could not be reached, refused, or the function failed. The message says what to do about it. */
export class ServiceError extends Error {
  override readonly name = 'ServiceError'
  readonly code: string
  readonly details: readonly ErrorDetail[]

  constructor(code: string, message: string, details: readonly ErrorDetail[] = []) {
    super(
      [message, ...details.map(({ path, message: fault }) => `  ${path === '' ? '' : `${path}: `}${fault}`)].join('\n'),
    )
    this.code = code
    this.details = details
  }
}
