// HTTP as bytes on a socket, for what no client library would send.

import { connect, type Socket } from 'node:net'

export interface RawAnswer {
  readonly status: number
  readonly head: string
  readonly body: string
}

export const portOf = (address: string): number => Number(new URL(address).port)

/** Sends the bytes and returns everything that came until the other side closed. */
export async function sendRaw(address: string, bytes: string | Uint8Array): Promise<string> {
  return await new Promise((resolve) => {
    const socket = connect(portOf(address), '127.0.0.1')
    let received = ''
    socket.setEncoding('latin1')
    socket.on('data', (chunk) => {
      received += chunk
    })
    socket.on('error', () => {})
    socket.on('close', () => resolve(received))
    socket.write(typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes)
  })
}

/** Takes apart answers that carry a content-length. */
export function readAnswers(received: string): RawAnswer[] {
  const answers: RawAnswer[] = []
  let rest = received
  while (rest !== '') {
    const end = rest.indexOf('\r\n\r\n')
    if (end < 0) throw new Error(`no head in ${JSON.stringify(rest.slice(0, 200))}`)
    const head = rest.slice(0, end)
    const length = Number(/^content-length: *(\d+)$/im.exec(head)?.[1] ?? 0)
    const status = Number(/^HTTP\/1\.1 (\d{3})/.exec(head)?.[1])
    answers.push({ status, head, body: rest.slice(end + 4, end + 4 + length) })
    rest = rest.slice(end + 4 + length)
  }
  return answers
}

export async function openSocket(address: string): Promise<Socket> {
  return await new Promise((resolve, reject) => {
    const socket = connect(portOf(address), '127.0.0.1', () => resolve(socket))
    socket.once('error', reject)
    socket.on('error', () => {})
  })
}
