// Tries to connect to the addresses it is given, and tells how each ended.
import { connect } from 'node:net'

const knock = ({ host, port, path }) =>
  new Promise((resolve) => {
    const socket = connect(path === undefined ? { host, port } : { path })
    socket.setTimeout(2_000, () => socket.destroy(new Error('timeout')))
    socket.on('connect', () => {
      socket.destroy()
      resolve('connected')
    })
    socket.on('error', (error) => resolve(error.code ?? error.message))
  })
export const handler = async (event) => Promise.all(event.addresses.map(knock))
