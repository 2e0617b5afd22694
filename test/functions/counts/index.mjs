// Counts its calls in module scope: shows whether a sandbox is used again.
let calls = 0
export const handler = async () => ({ calls: ++calls, pid: process.pid })
