// Waits in module scope for a promise that nothing can settle.
await new Promise(() => {})
export const handler = async () => 'unreachable'
