// "Did you mean": the known word nearest to a mistyped one.

/** The candidate fewest edits away, or null when none is near enough to be a slip of the finger. */
export function closest(word: string, candidates: Iterable<string>): string | null {
  let best: string | null = null
  let bestDistance = Math.max(2, Math.floor(word.length / 3)) + 1
  for (const candidate of candidates) {
    const distance = editDistance(word, candidate)
    if (distance < bestDistance) {
      best = candidate
      bestDistance = distance
    }
  }
  return best
}

/** Levenshtein's distance: insertions, deletions and replacements of one character. */
function editDistance(from: string, to: string): number {
  let row = Array.from({ length: to.length + 1 }, (_, index) => index)
  for (const [fromIndex, fromChar] of [...from].entries()) {
    const next = [fromIndex + 1]
    for (const [toIndex, toChar] of [...to].entries()) {
      const replaced = (row[toIndex] ?? 0) + (fromChar === toChar ? 0 : 1)
      const deleted = (row[toIndex + 1] ?? 0) + 1
      const inserted = (next[toIndex] ?? 0) + 1
      next.push(Math.min(replaced, deleted, inserted))
    }
    row = next
  }
  return row[to.length] ?? 0
}
