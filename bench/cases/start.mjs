// From starting the process to its first answered call, beside a bare node:http server.
import { fileURLToPath } from 'node:url'
import { source, startHearth } from '../lib/hearth.mjs'
import { startReady } from '../lib/processes.mjs'
import { median, round, table } from '../lib/stats.mjs'

export async function start({ rounds }) {
  const first = await startHearth()
  await first.deploy({ name: 'echo', runtime: 'javascript', code: source('echo.mjs'), memory: 1769 })
  await first.stop()
  const bares = []
  const hearths = []
  for (let count = 0; count < rounds; count += 1) {
    let began = performance.now()
    const bare = await startReady(process.execPath, [fileURLToPath(new URL('../peers/bare.mjs', import.meta.url))])
    await (await fetch(`http://127.0.0.1:${bare.ready.port}/`, { method: 'POST', body: '{}' })).text()
    bares.push(performance.now() - began)
    await bare.stop()
    began = performance.now()
    const hearth = await startHearth({}, first.dataDir)
    await hearth.invoke('echo')
    hearths.push(performance.now() - began)
    if (count + 1 < rounds) await hearth.stop()
    else await hearth.remove()
  }
  const result = {
    bareMs: round(median(bares)),
    hearthMs: round(median(hearths)),
    ratio: round(median(hearths) / median(bares)),
  }
  const text = table(['bare ms', 'Hearth ms', 'ratio'], [[result.bareMs, result.hearthMs, `${result.ratio}x`]])
  return { title: 'Start to first answer', results: [result], text }
}
