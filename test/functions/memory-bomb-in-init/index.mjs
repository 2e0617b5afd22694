// Fills memory in module scope: limits must be in force before user code is. Only for sandboxes that limit memory.
const kept = []
for (let i = 0; i < 64 * 1024; i++) kept.push(Buffer.alloc(1024 * 1024, 1))
export const handler = async () => kept.length
