// Returns its positional arguments as it got them.
export const handler = (...args) => ({ count: args.length, args })
export const add = (a, b) => a + b
