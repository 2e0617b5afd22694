// The reference: one node:http process that parses a JSON body and answers it in an envelope.
import http from 'node:http'

const server = http.createServer((request, response) => {
  const parts = []
  request.on('data', (part) => parts.push(part))
  request.on('end', () => {
    const raw = parts.length === 1 ? parts[0] : Buffer.concat(parts)
    const event = raw.length > 0 ? JSON.parse(raw) : null
    const body = JSON.stringify({ echo: event })
    response.writeHead(200, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) })
    response.end(body)
  })
})
server.listen(0, '127.0.0.1', () => console.log(JSON.stringify({ port: server.address().port })))
