// What an idle, frozen, warm instance costs: proportional memory of everything below the server, per instance.
import { startHearth } from '../lib/hearth.mjs'
import { descendants, pssMib } from '../lib/processes.mjs'
import { round, table } from '../lib/stats.mjs'

const sleepers = {
  python: 'import time\ndef handler(event, context):\n    time.sleep(0.5)\n    return 1\n',
  javascript: 'export const handler = () => new Promise((done) => setTimeout(() => done(1), 500))\n',
}

export async function memory() {
  const results = []
  for (const [language, code] of Object.entries(sleepers)) {
    const hearth = await startHearth({ HEARTH_POOL_SIZE: '0', HEARTH_MEMORY_BUDGET_MB: '16000' })
    try {
      await hearth.deploy({ name: 'sleeper', runtime: language, code, memory: 256, timeout: 30 })
      await hearth.invoke('sleeper')
      const one = pssMib(descendants(hearth.pid))
      const wanted = 10
      for (let round = 0; round < 3; round += 1) {
        await Promise.all(Array.from({ length: wanted }, () => hearth.invoke('sleeper')))
      }
      await new Promise((resolve) => setTimeout(resolve, 300))
      const pids = descendants(hearth.pid)
      const metrics = (await hearth.api('GET', '/functions/sleeper/invocations?limit=100')).body.items
      const instances = new Set(metrics.map(({ sandbox_id }) => sandbox_id)).size
      results.push({
        language,
        instances,
        pssPerInstanceMib: round((pssMib(pids) - one) / (instances - 1)),
        serverPssMib: round(pssMib([hearth.pid])),
      })
    } finally {
      await hearth.remove()
    }
  }
  const head = ['language', 'warm instances', 'PSS per instance MiB', 'server PSS MiB']
  const rows = results.map((r) => [r.language, r.instances, r.pssPerInstanceMib, r.serverPssMib])
  return { title: 'Idle memory', results, text: table(head, rows) }
}
