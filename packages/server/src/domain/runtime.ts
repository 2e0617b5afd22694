import type { Language } from '@hearth/protocol'

/** An interpreter found on this machine, and the program that turns it into a runtime. */
export interface Runtime {
  /** `python3.11`, `nodejs20.x` */
  readonly name: string
  readonly language: Language
  readonly languageVersion: string
  /** Other names users may give: `python`, `javascript`. */
  readonly aliases: readonly string[]
  /** Absolute path of the real executable (links and shims resolved). */
  readonly interpreter: string
  /** Directory trees that must be visible for the interpreter to work, beside the system's `/usr` (pyenv, nvm). */
  readonly prefixes: readonly string[]
  /** Flags before the program. */
  readonly flags: readonly string[]
  /** Host directory of the runtime's program, shown read-only as `/var/runtime`. */
  readonly programDir: string
  /** File in `programDir` to run. It takes the channel's address as its only argument: `fd:3` or `unix:/path`. */
  readonly program: string
}

/** Which runtimes there are. */
export interface RuntimeCatalog {
  list(): readonly Runtime[]
  /** By name or alias. */
  find(nameOrAlias: string): Runtime | null
}
