// Never finishes loading, and keeps its event loop busy.
setInterval(() => {}, 1_000)
await new Promise(() => {})
export const handler = async () => 'unreachable'
