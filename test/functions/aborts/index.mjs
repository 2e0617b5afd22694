// Aborts: SIGABRT.
export const handler = async () => process.abort()
