/** Everything the command line touches beside the network and files that were named to it. */
export interface Place {
  readonly env: Readonly<Record<string, string | undefined>>
  readonly homeDir: string
  readonly stdin: (options: { force: boolean }) => Promise<Buffer | null>
  /** Results. */
  readonly stdout: (text: string) => void
  /** Everything else: progress, notes, errors. */
  readonly stderr: (text: string) => void
  readonly colours: boolean
}
