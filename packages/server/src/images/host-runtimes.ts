// The runtimes of this machine: its own interpreters, found wherever they live, one for each minor version of Python and
// each major version of Node.

import { homedir } from 'node:os'
import { fileURLToPath } from 'node:url'
import type { Log } from '../domain/log.ts'
import type { Runtime, RuntimeCatalog } from '../domain/runtime.ts'
import { type Examined, examineNode, examinePython } from './examine-interpreter.ts'
import { nodeCandidates, onPath, pythonCandidates, type Surroundings } from './interpreter-candidates.ts'

const packages = new URL('../../../', import.meta.url)
const programs = {
  python: fileURLToPath(new URL('runtime-python', packages)),
  node: fileURLToPath(new URL('runtime-node', packages)),
}

const pythonMinorMin = 8
const nodeMajorMin = 18

export class HostRuntimes implements RuntimeCatalog {
  readonly #runtimes: readonly Runtime[]
  readonly #byName = new Map<string, Runtime>()

  constructor(runtimes: readonly Runtime[]) {
    this.#runtimes = runtimes
    for (const runtime of runtimes) {
      for (const name of [runtime.name, ...runtime.aliases]) this.#byName.set(name, runtime)
    }
  }

  /** Runs every interpreter there may be, at the same time. One that does not answer is left out. */
  static async discover(log: Log, surroundings: Surroundings = here()): Promise<HostRuntimes> {
    const [pythons, nodes] = await Promise.all([
      examineAll(pythonCandidates(surroundings), (candidate) => examinePython(candidate, programs.python), log),
      examineAll(nodeCandidates(surroundings), examineNode, log),
    ])
    const shellPython = onPath(surroundings.env, 'python3')
      .map((path) => pythons.get(path))
      .find(Boolean)
    return new HostRuntimes([
      ...pythonRuntimes([...pythons.values()], shellPython),
      ...nodeRuntimes([...nodes.values()]),
    ])
  }

  list(): readonly Runtime[] {
    return this.#runtimes
  }

  find(nameOrAlias: string): Runtime | null {
    return this.#byName.get(nameOrAlias) ?? null
  }
}

const here = (): Surroundings => ({ env: process.env, homeDir: homedir(), execPath: process.execPath })

async function examineAll(
  candidates: readonly string[],
  examine: (candidate: string) => Promise<Examined>,
  log: Log,
): Promise<Map<string, Examined>> {
  const found = new Map<string, Examined>()
  const examined = await Promise.all(
    [...new Set(candidates)].map(async (candidate) => {
      try {
        return { candidate, answer: await examine(candidate) }
      } catch (fault) {
        const absent = fault instanceof Error && 'code' in fault && fault.code === 'ENOENT'
        if (!absent) log.debug({ err: fault, candidate }, 'an interpreter does not answer and is left out')
        return null
      }
    }),
  )
  for (const one of examined) if (one !== null) found.set(one.candidate, one.answer)
  return found
}

/**
 * POLICY: of each minor version the first in the order of candidates, so the system's before a version manager's.
 * `python` means the minor version that a shell's `python3` means, else the newest.
 */
export function pythonRuntimes(examined: readonly Examined[], shellPython: Examined | undefined): Runtime[] {
  const byMinor = new Map<number, Examined>()
  for (const one of examined) {
    const [major, minor] = one.version
    if (major === 3 && minor >= pythonMinorMin && !byMinor.has(minor)) byMinor.set(minor, one)
  }
  const newest = Math.max(...byMinor.keys())
  const wanted = shellPython?.version[1] ?? newest
  const usual = byMinor.has(wanted) ? wanted : newest
  return [...byMinor]
    .sort(([a], [b]) => b - a)
    .map(([minor, { interpreter, version, prefixes }]) => ({
      name: `python3.${minor}`,
      language: 'python',
      languageVersion: version.join('.'),
      aliases: minor === usual ? ['python', 'python3'] : [],
      interpreter,
      prefixes,
      // Isolated from the surroundings and without the machine's own packages: a function brings what it imports.
      flags: ['-I', '-S'],
      programDir: programs.python,
      program: 'main.py',
    }))
}

/** POLICY: of each major version the newest; `javascript` means the version the server itself runs on, the first there is. */
export function nodeRuntimes(examined: readonly Examined[]): Runtime[] {
  const byMajor = new Map<number, Examined>()
  for (const one of examined) {
    const [major] = one.version
    const known = byMajor.get(major)
    if (major >= nodeMajorMin && (known === undefined || isNewer(one, known))) byMajor.set(major, one)
  }
  const usual = examined[0]?.version[0]
  return [...byMajor]
    .sort(([a], [b]) => b - a)
    .map(([major, { interpreter, version, prefixes }]) => ({
      name: `nodejs${major}.x`,
      language: 'javascript',
      languageVersion: version.join('.'),
      aliases: major === usual ? ['javascript', 'node', 'nodejs'] : [],
      interpreter,
      prefixes,
      flags: [],
      programDir: programs.node,
      program: 'main.mjs',
    }))
}

const isNewer = ({ version: a }: Examined, { version: b }: Examined): boolean =>
  a[1] > b[1] || (a[1] === b[1] && a[2] > b[2])
