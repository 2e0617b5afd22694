// Replaces what the runtime might use, in module scope, and answers as if nothing had happened.
import fs from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'

const lie = () => 'poisoned'
JSON.stringify = lie
JSON.parse = lie
fs.writeSync = lie
fs.write = lie
process.exit = lie
process.reallyExit = lie
Object.defineProperty(performance, 'now', { value: lie })
console.log = lie
syncBuiltinESMExports()
Object.defineProperty(Object.prototype, 'traceId', { value: 'poisoned', configurable: true })
Array.prototype.toJSON = lie
export const handler = async (event) => ({ event, clean: true })
