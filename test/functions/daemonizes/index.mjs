// Leaves a process behind that has its own session and outlives the answer.
import { spawn } from 'node:child_process'
export const handler = async () => {
  const daemon = spawn('/bin/sh', ['-c', 'trap "" TERM HUP INT; while :; do sleep 1; done'], {
    detached: true,
    stdio: 'ignore',
  })
  daemon.unref()
  return { pid: daemon.pid }
}
