// The same for Node: the source is the body of an async function that returns the answer.
import net from 'node:net'

const channel = new net.Socket({ fd: Number(process.argv[2].slice(3)) })
let rest = Buffer.alloc(0)
const send = (value) => {
  const text = Buffer.from(JSON.stringify(value))
  const head = Buffer.alloc(4)
  head.writeUInt32BE(text.length)
  channel.write(Buffer.concat([head, text]))
}
const AsyncFunction = (async () => {}).constructor
channel.on('data', async (bytes) => {
  rest = Buffer.concat([rest, bytes])
  while (rest.length >= 4 && rest.length >= 4 + rest.readUInt32BE()) {
    const end = 4 + rest.readUInt32BE()
    const source = rest.toString('utf8', 4, end)
    rest = rest.subarray(end)
    try {
      send({ answer: (await new AsyncFunction(source)()) ?? null })
    } catch (fault) {
      send({ error: String(fault) })
    }
  }
})
channel.on('end', () => process.exit(0))
send({ ready: true })
