import { once } from 'node:events'
import { createServer, type IncomingMessage } from 'node:http'
import { setImmediate as tick } from 'node:timers/promises'
import { expect, it } from 'vitest'
import { openSocket } from '../../test/raw-http.ts'
import { callerLeft } from './caller-left.ts'

it('is one signal per connection, that aborts when it closes', async () => {
  const requests: IncomingMessage[] = []
  const server = createServer((request, response) => {
    requests.push(request)
    if (requests.length === 1) response.end()
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as { port: number }
  const socket = await openSocket(`http://127.0.0.1:${port}`)
  for (const count of [1, 2]) {
    socket.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n')
    while (requests.length < count) await tick()
  }
  const [first, second] = requests.map(callerLeft)
  expect(first).toBe(second)
  expect(first?.aborted).toBe(false)
  socket.destroy()
  while (first?.aborted === false) await tick()
  expect(requests.map((request) => callerLeft(request).aborted)).toEqual([true, true])
  server.close()
})
