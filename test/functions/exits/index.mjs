// Ends its process in the middle of a call.
export const handler = async (event) => process.exit(event.code ?? 3)
