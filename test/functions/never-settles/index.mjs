// Returns a promise that nothing can settle: the event loop is empty at once.
export const handler = () => new Promise(() => {})
