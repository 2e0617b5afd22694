// A server to be killed: makes sandboxes with the driver it is told, says so, and waits. Takes one argument, JSON:
// `driver` (module and export), `options` for its constructor, `specs` of the sandboxes. Runs the sources as they are.

import { runnerImport } from 'vite'

const { driver, options, specs } = JSON.parse(process.argv[2] ?? '')
const silence = () => {}
const { module } = await runnerImport(driver.module, { logLevel: 'error', configFile: false })
const made = new module[driver.name]({
  ...options,
  runtimes: { list: () => options.runtimes },
  log: { debug: silence, info: silence, warn: silence, error: silence },
})
for (const spec of specs) {
  const sandbox = await made.create(spec, new AbortController().signal)
  await new Promise((resolve) => sandbox.channel.once('data', resolve))
  // Whatever holds on when the channel closes.
  sandbox.channel.write(
    'trap "" TERM HUP INT; setsid sh -c "while :; do sleep 1000; done" & while :; do sleep 1000; done\n',
  )
}
process.stdout.write('doomed\n')
setInterval(silence, 60_000)
