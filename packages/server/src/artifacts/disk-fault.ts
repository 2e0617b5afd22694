import { HearthError } from '../domain/hearth-error.ts'

/** A fault of the file system, as the caller may hear of it: no path, and whether it is worth trying again. */
export function diskFault(cause: { readonly code?: string | undefined; readonly message: string }): HearthError {
  const why =
    cause.code === 'ENOSPC' || cause.code === 'EDQUOT'
      ? 'the disk is full'
      : cause.code === 'EROFS'
        ? 'the disk is read-only'
        : 'the disk reported an error'
  return new HearthError('storage_unavailable', `The code could not be stored: ${why}.`, {
    retryAfterSeconds: 5,
    cause,
  })
}
