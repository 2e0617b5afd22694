// Takes a second to load.
await new Promise((resolve) => setTimeout(resolve, 1_000))
export const handler = async () => 'loaded'
