// Deploys for ever into the folder it is given and says on stdout what it has been promised. Meant to be killed.
// It runs the build, as servers do: a process of its own cannot load the sources on Node 20.

import { randomUUID } from 'node:crypto'
import { FileArtifactStore } from '../../dist/artifacts/file-artifact-store.js'
import { uuidSource } from '../../dist/lib/uuid.js'
import { SqliteStore } from '../../dist/store/sqlite/sqlite-store.js'

const folder = process.argv[2]
const store = new SqliteStore({ path: `${folder}/hearth.db` })
const artifacts = new FileArtifactStore({ dir: `${folder}/code` })
const newId = uuidSource(Date.now)

await store.open()
const known = new Map((await store.functions.all()).map((record) => [record.name, record]))
await artifacts.sweep(await store.functions.codeInUse())
process.stdout.write('ready\n')

const lane = async (lane) => {
  for (let count = 0; ; count += 1) {
    const name = `fn-${lane}-${count % 5}`
    const text = `# ${name} ${randomUUID()}\n${'x = 1\n'.repeat(count % 200)}`
    const stored = await artifacts.putFile('main.py', text)
    const before = known.get(name)
    const record = recordOf(name, before, stored, text)
    if (before === undefined) await store.functions.insert(record)
    else await store.functions.update(record)
    known.set(name, record)
    process.stdout.write(`${JSON.stringify({ name, number: record.latest.number, sha256: stored.sha256 })}\n`)

    const call = callOf(record)
    await store.invocations.append([call])
    process.stdout.write(`${JSON.stringify({ requestId: call.requestId })}\n`)
  }
}
await Promise.all([0, 1, 2].map(lane))

function recordOf(name, before, code, text) {
  const id = before?.id ?? newId()
  const number = (before?.latest.number ?? 0) + 1
  const config = {
    runtime: 'python3.11',
    language: 'python',
    handler: 'main.handler',
    timeoutSeconds: 3,
    memoryMb: 128,
    env: {},
    isolation: 'auto',
    network: 'none',
    code: { ...code, inline: text },
  }
  const latest = { id: newId(), functionId: id, functionName: name, number, config, createdAtMs: Date.now() }
  return { id, name, description: '', route: null, access: 'key', createdAtMs: 1, updatedAtMs: Date.now(), latest }
}

function callOf({ id, name, latest }) {
  return {
    requestId: newId(),
    functionId: id,
    functionName: name,
    versionNumber: latest.number,
    trigger: 'invoke',
    runtime: 'python3.11',
    language: 'python',
    isolation: 'linux',
    start: 'warm',
    sandboxId: 's',
    outcome: 'ok',
    errorType: null,
    errorMessage: null,
    receivedAtMs: Date.now(),
    queueMs: 0,
    initMs: 0,
    runMs: 1,
    totalMs: 1,
    billedMs: 1,
    memoryMb: 128,
    memoryUsedBytes: null,
    cpuMs: null,
    eventBytes: 0,
    answerBytes: 0,
    logs: { lines: [], droppedBytes: 0 },
  }
}
