// Sorts what a sandbox prints into its invocations.
//
// One call runs at a time, so a stream belongs to the oldest call that is still open on it. A call is closed on a
// stream by its boundary line, when its answer said there is one, else at the end of the event-loop turn in which its
// answer arrived: what it printed was in the socket before the answer was, and is read in the same turn.
// Output between calls (module scope, background work) goes to the next call.

import { ANSWER_FLAG, boundaryPrefix, LIMITS } from '@hearth/protocol'
import { type CapturedLine, type CapturedLogs, noLogs } from '../domain/invocation.ts'

type StreamName = 'stdout' | 'stderr'

interface Chunk {
  readonly wallMs: number
  readonly stream: StreamName
  readonly bytes: Buffer
}

/** One call's share of the output. */
interface Entry {
  readonly sequence: number
  readonly onLogs: (logs: CapturedLogs) => void
  chunks: Chunk[] | null
  bytes: number
  linesLeft: number
  droppedBytes: number
  stdoutOpen: boolean
  stderrOpen: boolean
}

/**
 * Lines kept of one call. A line costs more than its bytes, in memory and in the store: a megabyte of empty lines would
 * otherwise be a million of them.
 */
const linesMax = 10_000
/** A boundary that was promised but does not come (a guest that lies) is not waited for longer than this. */
const boundaryPatienceMs = 1_000
/** Longest boundary line: NUL, 32 hex digits, colon, ten digits, newline. */
const boundaryBytesMax = 48

export class LogCollector {
  readonly #boundary: Buffer
  readonly #wallMs: () => number
  readonly #open: Entry[] = []
  /** Calls whose answer came in this turn, to be closed at its end on the streams without a boundary. */
  #closing: { entry: Entry; flags: number }[] = []
  /** Bytes that may be the beginning of a boundary line. */
  readonly #held: Record<StreamName, Buffer | null> = { stdout: null, stderr: null }
  /** Output that came while no call was open. */
  #between: Chunk[] = []
  #betweenBytes = 0
  #betweenLinesLeft = linesMax
  #betweenDropped = 0

  constructor(boundarySecret: string, wallMs: () => number) {
    this.#boundary = Buffer.from(boundaryPrefix(boundarySecret), 'latin1')
    this.#wallMs = wallMs
  }

  /** A call was handed to the guest. `onLogs` is told once, when its output is complete. */
  begin(sequence: number, onLogs: (logs: CapturedLogs) => void): void {
    const entry: Entry = {
      sequence,
      onLogs,
      chunks: null,
      bytes: 0,
      linesLeft: linesMax,
      droppedBytes: this.#betweenDropped,
      stdoutOpen: true,
      stderrOpen: true,
    }
    if (this.#betweenBytes > 0) {
      entry.chunks = this.#between
      entry.bytes = this.#betweenBytes
      entry.linesLeft = this.#betweenLinesLeft
      this.#between = []
      this.#betweenBytes = 0
    }
    this.#betweenLinesLeft = linesMax
    this.#betweenDropped = 0
    this.#open.push(entry)
  }

  /** The call was answered; `flags` say on which streams a boundary line follows. */
  answered(sequence: number, flags: number): void {
    const entry = this.#open.find((candidate) => candidate.sequence === sequence)
    if (entry === undefined) return
    if (this.#closing.length === 0) setImmediate(this.#onTurnEnd)
    this.#closing.push({ entry, flags })
  }

  /** The call is taken back: it never ran. What was printed meanwhile goes to the next. */
  forget(sequence: number): void {
    const at = this.#open.findIndex((candidate) => candidate.sequence === sequence)
    const entry = this.#open[at]
    if (entry === undefined) return
    this.#open.splice(at, 1)
    for (const chunk of entry.chunks ?? []) this.#keepBetween(chunk)
  }

  /** The streams have ended: everything still open is complete. */
  end(): void {
    for (const name of ['stdout', 'stderr'] as const) {
      const held = this.#held[name]
      this.#held[name] = null
      if (held !== null) this.#attribute(name, held)
    }
    for (const entry of [...this.#open]) this.#finish(entry)
  }

  feed(stream: StreamName, chunk: Buffer): void {
    let bytes = chunk
    const held = this.#held[stream]
    if (held !== null) {
      bytes = Buffer.concat([held, chunk])
      this.#held[stream] = null
    }
    for (;;) {
      const at = bytes.indexOf(this.#boundary)
      if (at < 0) break
      const lineEnd = bytes.indexOf(10, at)
      if (lineEnd < 0 || lineEnd - at > boundaryBytesMax) {
        if (bytes.length - at > boundaryBytesMax) break
        if (at > 0) this.#attribute(stream, bytes.subarray(0, at))
        this.#held[stream] = bytes.subarray(at)
        return
      }
      if (at > 0) this.#attribute(stream, bytes.subarray(0, at))
      this.#onBoundary(stream, Number(bytes.toString('latin1', at + this.#boundary.length, lineEnd)))
      bytes = bytes.subarray(lineEnd + 1)
    }
    const tail = this.#possibleBoundaryStart(bytes)
    if (tail > 0) this.#held[stream] = bytes.subarray(bytes.length - tail)
    if (bytes.length > tail) this.#attribute(stream, bytes.subarray(0, bytes.length - tail))
  }

  /** How many bytes at the end could be the beginning of a boundary line. */
  #possibleBoundaryStart(bytes: Buffer): number {
    const at = bytes.lastIndexOf(0)
    const length = bytes.length - at
    if (at < 0 || length > this.#boundary.length) return 0
    return this.#boundary.subarray(0, length).equals(bytes.subarray(at)) ? length : 0
  }

  readonly #onTurnEnd = (): void => {
    const closing = this.#closing
    this.#closing = []
    for (const { entry, flags } of closing) {
      if ((flags & ANSWER_FLAG.stdoutBoundary) === 0) entry.stdoutOpen = false
      if ((flags & ANSWER_FLAG.stderrBoundary) === 0) entry.stderrOpen = false
      if (!entry.stdoutOpen && !entry.stderrOpen) this.#finish(entry)
      else setTimeout(() => this.#finish(entry), boundaryPatienceMs).unref()
    }
  }

  #onBoundary(stream: StreamName, sequence: number): void {
    const entry = this.#open.find((candidate) => candidate.sequence === sequence)
    if (entry === undefined) return
    if (stream === 'stdout') entry.stdoutOpen = false
    else entry.stderrOpen = false
    if (!entry.stdoutOpen && !entry.stderrOpen) this.#finish(entry)
  }

  #attribute(stream: StreamName, bytes: Buffer): void {
    // A copy: the chunk may be a small part of a large read buffer that must not be kept alive for it.
    const chunk: Chunk = { wallMs: this.#wallMs(), stream, bytes: Buffer.from(bytes) }
    const entry = this.#open.find((candidate) => (stream === 'stdout' ? candidate.stdoutOpen : candidate.stderrOpen))
    if (entry === undefined) {
      this.#keepBetween(chunk)
      return
    }
    const { keep, lines } = fitting(chunk.bytes, LIMITS.logBytesPerCall - entry.bytes, entry.linesLeft)
    if (keep > 0) {
      entry.chunks ??= []
      entry.chunks.push(keep === chunk.bytes.length ? chunk : { ...chunk, bytes: chunk.bytes.subarray(0, keep) })
      entry.bytes += keep
      entry.linesLeft -= lines
    }
    entry.droppedBytes += bytes.length - keep
  }

  #keepBetween(chunk: Chunk): void {
    const { keep, lines } = fitting(chunk.bytes, LIMITS.logBytesPerCall - this.#betweenBytes, this.#betweenLinesLeft)
    if (keep > 0) this.#between.push({ ...chunk, bytes: chunk.bytes.subarray(0, keep) })
    this.#betweenBytes += keep
    this.#betweenLinesLeft -= lines
    this.#betweenDropped += chunk.bytes.length - keep
  }

  #finish(entry: Entry): void {
    const at = this.#open.indexOf(entry)
    if (at < 0) return
    this.#open.splice(at, 1)
    entry.onLogs(
      entry.chunks === null && entry.droppedBytes === 0
        ? noLogs
        : { lines: toLines(entry.chunks ?? []), droppedBytes: entry.droppedBytes },
    )
  }
}

/** How much of some output there is room for, in bytes and in lines. */
function fitting(bytes: Buffer, bytesLeft: number, linesLeft: number): { keep: number; lines: number } {
  const end = Math.min(bytes.length, Math.max(0, bytesLeft))
  let lines = 0
  let at = -1
  while (lines < linesLeft) {
    at = bytes.indexOf(10, at + 1)
    if (at < 0 || at >= end) return { keep: end, lines }
    lines += 1
  }
  return { keep: linesLeft <= 0 ? 0 : at + 1, lines }
}

/** Chunks to lines, each stream for itself; a line has the time its last piece arrived. */
function toLines(chunks: readonly Chunk[]): CapturedLine[] {
  const lines: CapturedLine[] = []
  const rest: Record<StreamName, Buffer[]> = { stdout: [], stderr: [] }
  const restBytes: Record<StreamName, number> = { stdout: 0, stderr: 0 }
  let last: Record<StreamName, number> = { stdout: 0, stderr: 0 }
  const endLine = (stream: StreamName, wallMs: number): void => {
    lines.push({ wallMs, stream, text: Buffer.concat(rest[stream]).toString() })
    rest[stream] = []
    restBytes[stream] = 0
  }
  for (const { wallMs, stream, bytes } of chunks) {
    last = { ...last, [stream]: wallMs }
    let at = 0
    while (at < bytes.length) {
      const newline = bytes.indexOf(10, at)
      const lineEnd = newline < 0 ? bytes.length : newline
      const end = Math.min(lineEnd, at + LIMITS.logLineBytes - restBytes[stream])
      rest[stream].push(bytes.subarray(at, end))
      restBytes[stream] += end - at
      const complete = end === newline
      if (complete || restBytes[stream] >= LIMITS.logLineBytes) endLine(stream, wallMs)
      at = complete ? end + 1 : end
    }
  }
  for (const stream of ['stdout', 'stderr'] as const) if (restBytes[stream] > 0) endLine(stream, last[stream])
  return lines
}
