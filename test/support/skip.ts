// The one way to leave a test out. A skip has a reason, and on CI, where everything can be installed, a reason is a
// fault: a missing driver or service must not turn green by being ignored.

interface SkipOptions {
  /** For what no installation can bring, such as a processor's feature: a skip on CI as well. */
  readonly evenOnCi?: boolean
}

/**
 * Whether to skip, to be used as `describe.skipIf(skipFor(reason))`. `reason` is null when nothing is missing, else
 * what is missing and how to get it.
 */
export function skipFor(reason: string | null, { evenOnCi = false }: SkipOptions = {}): boolean {
  if (reason === null) return false
  const onCi = !['', '0', 'false', undefined].includes(process.env.CI)
  if (onCi && !evenOnCi) throw new Error(`On CI nothing is skipped for want of something: ${reason}`)
  process.stderr.write(`skipped: ${reason}\n`)
  return true
}
