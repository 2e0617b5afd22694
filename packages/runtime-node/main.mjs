// The program inside a sandbox that loads and runs JavaScript handlers: `node main.mjs fd:3` or `unix:/path`.
// It says READY before it loads anything else; docs/runtime.md tells the conversation that follows.

import { Channel } from './channel.mjs'
import { FRAME, frame } from './frames.mjs'

const CHANNEL_VERSION = 1

const channel = new Channel(process.argv[2] ?? '')
const ready = frame(
  FRAME.ready,
  Buffer.from(
    JSON.stringify({
      channel: CHANNEL_VERSION,
      runtime: `nodejs${process.versions.node.split('.')[0]}.x`,
      languageVersion: process.versions.node,
    }),
  ),
)
channel.send(ready, ready.length, () => {})

// Everything else is loaded while the host is busy with READY.
const { Guest } = await import('./guest.mjs')
const guest = new Guest(channel)
channel.listen((bytes, length) => guest.feed(bytes, length))

const { preload } = await import('./preload.mjs')
preload(() => guest.isBound)
