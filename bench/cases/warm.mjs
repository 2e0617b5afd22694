// Warm echo through the whole path against bare node:http, at 1, 10 and 50 connections.
import { fileURLToPath } from 'node:url'
import { source, startHearth } from '../lib/hearth.mjs'
import { load, paired } from '../lib/load.mjs'
import { startReady } from '../lib/processes.mjs'
import { median, round, table } from '../lib/stats.mjs'

const floors = { 'Node, invoke': 0.5, 'Node, route': 0.5, 'Python, invoke': 0.3, 'Python, route': 0.3 }

export async function warm({ rounds, seconds }) {
  const bare = await startReady(process.execPath, [fileURLToPath(new URL('../peers/bare.mjs', import.meta.url))])
  const hearth = await startHearth()
  try {
    // Memory for more than one whole processor: what is measured is the path, not the limit.
    const common = { memory: 3538, access: 'public', timeout: 30 }
    await hearth.deploy({
      ...common,
      name: 'echo-node',
      runtime: 'javascript',
      code: source('echo.mjs'),
      route: '/node',
    })
    await hearth.deploy({
      ...common,
      name: 'echo-python',
      runtime: 'python',
      code: source('echo.py'),
      route: '/python',
    })
    const reference = `http://127.0.0.1:${bare.ready.port}/`
    const targets = [
      { name: 'Node, invoke', url: `${hearth.control}/functions/echo-node/invoke`, key: hearth.key },
      { name: 'Node, route', url: `${hearth.functions}/node` },
      { name: 'Python, invoke', url: `${hearth.control}/functions/echo-python/invoke`, key: hearth.key },
      { name: 'Python, route', url: `${hearth.functions}/python` },
    ]
    await load(reference, { connections: 10, seconds: 1 })
    for (const { url, key } of targets) await load(url, { connections: 10, seconds: 1, key })
    const results = []
    for (const connections of [1, 10, 50]) {
      for (const [name, runs] of await paired(reference, targets, { rounds, connections, seconds })) {
        const of = (pick) => median(runs.map(pick))
        results.push({
          name,
          connections,
          ratio: round(of((run) => run.ratio)),
          floor: connections === 1 ? null : floors[name],
          rps: Math.round(of((run) => run.rps)),
          bareRps: Math.round(of((run) => run.base.rps)),
          p50Us: of((run) => run.p50Us),
          addedP50Us: Math.round(of((run) => run.addedUs)),
          p99VsBare: round(of((run) => run.p99Us / run.base.p99Us)),
          errors: runs.reduce((sum, run) => sum + run.errors, 0),
        })
      }
    }
    const rows = results.map((r) => [
      r.name,
      r.connections,
      `${r.ratio}x`,
      r.floor === null ? '' : `${r.floor}x`,
      r.rps,
      r.bareRps,
      r.p50Us,
      r.addedP50Us,
      `${r.p99VsBare}x`,
      r.errors,
    ])
    const head = [
      'function, door',
      'connections',
      'vs bare',
      'floor',
      'calls/s',
      'bare/s',
      'p50 µs',
      'p50 added µs',
      'p99 vs bare',
      'errors',
    ]
    return { title: 'Warm echo against bare node:http', results, text: table(head, rows) }
  } finally {
    await Promise.all([bare.stop(), hearth.remove()])
  }
}
