// Puts a deploy's code into the artifact store, and keeps the sweep of unused code from taking what a deploy has just
// put there but not yet named in the store.

import type { ArtifactStore } from '../domain/artifacts.ts'
import type { CodeRef } from '../domain/function.ts'
import type { FunctionDraft } from './function-draft.ts'
import { inlineFile } from './inline-code.ts'

export class CodeShelf {
  readonly #artifacts: ArtifactStore
  #deploys = 0
  #sweeping: Promise<unknown> | null = null

  constructor(artifacts: ArtifactStore) {
    this.#artifacts = artifacts
  }

  /** Makes the code durable, then runs `commit` with it. */
  async store<T>(draft: FunctionDraft, current: CodeRef | null, commit: (code: CodeRef) => Promise<T>): Promise<T> {
    while (this.#sweeping !== null) await this.#sweeping
    this.#deploys += 1
    try {
      return await commit(await this.#put(draft, current))
    } finally {
      this.#deploys -= 1
    }
  }

  /** Does nothing while a deploy is under way; there will be another occasion. */
  async sweep(inUse: () => ReadonlySet<string>): Promise<number> {
    if (this.#deploys > 0 || this.#sweeping !== null) return 0
    const swept = this.#artifacts.sweep(inUse())
    this.#sweeping = swept.then(
      () => {
        this.#sweeping = null
      },
      () => {
        this.#sweeping = null
      },
    )
    return await swept
  }

  async #put({ code, config }: FunctionDraft, current: CodeRef | null): Promise<CodeRef> {
    switch (code.kind) {
      case 'inline': {
        const file = inlineFile(config.language, code.text, code.functionName)
        return { ...(await this.#artifacts.putFile(file.name, file.text)), inline: code.text }
      }
      case 'zip':
        return { ...(await this.#artifacts.putZip(code.bytes)), inline: null }
      case 'kept':
        if (current === null) throw new Error('a new function without code passed its checks')
        return current
    }
  }
}
