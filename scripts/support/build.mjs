// Compiles the TypeScript packages, only when a source or a setting of the compiler changed since the last time.

import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { exclusively } from './exclusive.mjs'
import { CommandFailed, run, say } from './progress.mjs'
import { root } from './root.mjs'

const stamp = join(root, 'packages/server/dist/.sources.sha256')
const compiled = ['protocol', 'server', 'cli']

export async function ensureBuilt() {
  if (isBuilt()) return
  await exclusively(
    async () => {
      if (isBuilt()) return
      say('building')
      const digest = sourcesDigest()
      try {
        await run(process.execPath, [join(root, 'node_modules/typescript/bin/tsc'), '-b'], {
          cwd: root,
          doing: 'building',
        })
      } catch (error) {
        if (error instanceof CommandFailed) throw new Error(`The sources do not compile:\n${error.output.trimEnd()}`)
        throw error
      }
      writeFileSync(stamp, digest)
      say('built')
    },
    () => say('another process is building in this folder; waiting for it'),
  )
}

function isBuilt() {
  const outputs = compiled.map((name) => join(root, 'packages', name, 'dist'))
  return outputs.every(existsSync) && existsSync(stamp) && readFileSync(stamp, 'utf8') === sourcesDigest()
}

/** By content, not by time: a clone, a checkout or a copy changes all times and no source. */
function sourcesDigest() {
  const hash = createHash('sha256')
  const settings = ['tsconfig.json', 'tsconfig.base.json', 'package-lock.json']
  for (const name of compiled) {
    settings.push(`packages/${name}/tsconfig.json`, `packages/${name}/package.json`)
    settings.push(...sourcesBelow(`packages/${name}/src`))
  }
  for (const path of settings)
    hash
      .update(`${path}\0`)
      .update(readFileSync(join(root, path)))
      .update('\0')
  return hash.digest('hex')
}

/** @param {string} folder @returns {string[]} */
function sourcesBelow(folder) {
  return readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter((path) => /\.[cm]?[jt]s$/.test(path) && !/\.(test|contract)\.ts$/.test(path))
    .map((path) => `${folder}/${path}`)
    .sort()
}
