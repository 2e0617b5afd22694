// Exports something else than `handler`.
export const handle = async () => 'unreachable'
export const notAFunction = 42
