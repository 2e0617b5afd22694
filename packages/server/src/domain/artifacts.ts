// Code packages by content hash.

/** Keeps unpacked code packages. What it has acknowledged survives kill -9. */
export interface ArtifactStore {
  /**
   * Stores one package and resolves after it is durable. The same bytes twice are one package.
   * Rejects with `invalid_package`, leaving nothing behind.
   */
  putZip(archive: Uint8Array): Promise<StoredCode>
  /** A package of a single file. */
  putFile(name: string, text: string): Promise<StoredCode>
  /**
   * Directory with the unpacked code, read-only for everyone. Verified against its manifest once per server life;
   * rejects with `code_corrupt`.
   */
  directory(sha256: string): Promise<string>
  /** Removes packages that nobody uses, and half-written ones of a dead server. */
  sweep(inUse: ReadonlySet<string>): Promise<number>
}

export interface StoredCode {
  readonly sha256: string
  readonly bytes: number
}
