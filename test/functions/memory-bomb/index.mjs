// Fills memory outside of the JavaScript heap, page by page. Only for sandboxes that limit memory.
export const handler = async (event) => {
  const kept = []
  const mib = event.mib ?? 64 * 1024
  for (let i = 0; i < mib; i++) kept.push(Buffer.alloc(1024 * 1024, 1))
  return kept.length
}
