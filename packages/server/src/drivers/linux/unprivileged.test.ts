// The same walls without root: the suite once more, as a user who has no rights at all.

import { execFile } from 'node:child_process'
import { accessSync, constants, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { describe, expect, it } from 'vitest'
import { isRoot } from '../../../test/linux/support.ts'

const NOBODY = 65_534
const here = dirname(fileURLToPath(import.meta.url))
const workspace = join(here, '../../../../..')
const run = promisify(execFile)

const canRead = async (): Promise<boolean> => {
  try {
    accessSync(join(workspace, 'node_modules/vitest/vitest.mjs'), constants.R_OK)
    const script = `require('node:fs').readFileSync(${JSON.stringify(join(workspace, 'package.json'))})`
    await run(process.execPath, ['-e', script], { uid: NOBODY, gid: NOBODY, env: {}, cwd: '/' })
    return true
  } catch {
    return false
  }
}

const possible = process.platform === 'linux' && isRoot && (await canRead())
if (!possible) {
  console.log('skipped: the suite as another user needs root, and a checkout and a node that everybody can read')
}

describe.runIf(possible)('as an unprivileged user', () => {
  it.each(['walls.test.ts', 'linux-driver.test.ts'])('%s passes', async (file) => {
    const home = mkdtempSync(join(tmpdir(), 'hearth-nobody-'))
    try {
      const { stdout } = await run(
        'setpriv',
        [
          ...[`--reuid=${NOBODY}`, `--regid=${NOBODY}`, '--clear-groups', '--'],
          ...[process.execPath, 'node_modules/vitest/vitest.mjs', 'run', '--configLoader', 'runner'],
          ...['--reporter', 'json', join('packages/server/src/drivers/linux', file)],
        ],
        { cwd: workspace, env: { PATH: '/usr/bin:/bin', HOME: home, NO_COLOR: '1' }, maxBuffer: 16 << 20 },
      ).catch((fault: { stdout?: string }) => ({ stdout: fault.stdout ?? '' }))
      const report = JSON.parse(stdout.slice(stdout.indexOf('{"num')))
      const failures = report.testResults.flatMap((result: { assertionResults: { failureMessages: string[] }[] }) =>
        result.assertionResults.flatMap(({ failureMessages }) => failureMessages),
      )
      expect(failures).toEqual([])
      expect(report.success).toBe(true)
      expect(report.numPassedTests).toBeGreaterThan(12)
    } finally {
      rmSync(home, { recursive: true, force: true })
    }
  })
})
