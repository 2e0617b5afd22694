// Turns a path into code to deploy: one file as inline code, a folder or an archive as a zip.

import { readFile, stat } from 'node:fs/promises'
import { basename, extname, resolve } from 'node:path'
import { type FunctionInput, LANGUAGES, type Language } from '@hearth/protocol'
import { UsageError } from './failure.ts'
import { listFolder, zipFiles } from './zip-folder.ts'

export interface Deployable {
  /** From the path: what to call the function when nobody says. */
  readonly name: string
  readonly code: Pick<FunctionInput, 'code' | 'zip' | 'handler' | 'function_name' | 'language' | 'runtime'>
  /** What a new function needs beside it and the path suggests; an existing function keeps what it has. */
  readonly guesses: Pick<FunctionInput, 'handler' | 'language'>
  readonly summary: string
  /** What must be said before a new function can be made of this; null when everything is known. */
  readonly unsure: string | null
}

interface Hints {
  readonly runtime?: string
  readonly handler?: string
}

const LANGUAGE_OF: Readonly<Record<string, Language>> = { '.py': 'python', '.js': 'javascript', '.mjs': 'javascript' }

/** Files that say by their name what is called in a folder, most telling first. */
const ENTRIES: readonly (readonly [file: string, handler: string])[] = [
  ['index.mjs', 'index.handler'],
  ['index.js', 'index.handler'],
  ['index.cjs', 'index.handler'],
  ['index.py', 'index.handler'],
  ['lambda_function.py', 'lambda_function.lambda_handler'],
]

export async function readDeployable(path: string, hints: Hints): Promise<Deployable> {
  const stats = await stat(path).catch(() => null)
  if (stats === null) throw new UsageError(`There is no file or folder ${path}.`)
  const extension = extname(path).toLowerCase()
  const name = nameFrom(basename(resolve(path), stats.isDirectory() ? '' : extension))
  if (stats.isDirectory()) return { name, ...(await readFolder(path, hints)) }
  if (extension === '.zip') return { name, ...(await readArchive(path, hints)) }
  return { name, ...(await readInline(path, extension, hints)) }
}

async function readInline(path: string, extension: string, hints: Hints): Promise<Omit<Deployable, 'name'>> {
  const language = LANGUAGE_OF[extension]
  if (language === undefined) {
    throw new UsageError(
      `${path} is none of ${Object.keys(LANGUAGE_OF).join(', ')} or .zip. Deploy its folder instead.`,
    )
  }
  const code = await readFile(path, 'utf8')
  return {
    code: { code, ...runtimeOf(hints, language), ...inlineHandler(path, hints.handler) },
    guesses: {},
    summary: `${language}, ${Buffer.byteLength(code)} bytes`,
    unsure: null,
  }
}

/** In a single file the handler may be named as in a folder, `hello.main`, or just `main`. */
function inlineHandler(path: string, handler: string | undefined): Pick<FunctionInput, 'function_name'> {
  if (handler === undefined) return {}
  const [module, name, ...rest] = handler.split('.')
  if (name === undefined) return { function_name: handler }
  const own = basename(path, extname(path))
  if (rest.length > 0 || (module !== own && module !== 'index')) {
    throw new UsageError(`--handler ${handler} does not name a function of ${path}; it could be ${own}.handler`)
  }
  return { function_name: name }
}

async function readFolder(path: string, hints: Hints): Promise<Omit<Deployable, 'name'>> {
  const files = await listFolder(path)
  if (files.length === 0) throw new UsageError(`The folder ${path} holds no files.`)
  const names = new Set(files.map((file) => file.name))
  const [file, handler] = ENTRIES.find(([candidate]) => names.has(candidate)) ?? []
  const language = file === undefined ? undefined : LANGUAGE_OF[extname(file).replace('.cjs', '.js')]
  const guesses = {
    ...(handler === undefined || hints.handler !== undefined ? {} : { handler }),
    ...(language === undefined || hints.runtime !== undefined ? {} : { language }),
  }
  return { ...packed(await zipFiles(files), hints, guesses), summary: `${files.length} files, zipped` }
}

async function readArchive(path: string, hints: Hints): Promise<Omit<Deployable, 'name'>> {
  const bytes = await readFile(path)
  return { ...packed(bytes, hints, {}), summary: `${bytes.length} bytes` }
}

function packed(zip: Buffer, hints: Hints, guesses: Deployable['guesses']): Omit<Deployable, 'name' | 'summary'> {
  const { handler, runtime } = hints
  const unsure = [
    ...(handler === undefined && guesses.handler === undefined ? ['--handler file.function'] : []),
    ...(runtime === undefined && guesses.language === undefined ? ['--runtime python or --runtime javascript'] : []),
  ]
  return {
    code: {
      zip: zip.toString('base64'),
      ...runtimeOf(hints, undefined),
      ...(handler === undefined ? {} : { handler }),
    },
    guesses,
    unsure: unsure.length === 0 ? null : `It does not show what is to be run. Say ${unsure.join(' and ')}.`,
  }
}

function runtimeOf({ runtime }: Hints, guess: Language | undefined): Pick<FunctionInput, 'language' | 'runtime'> {
  const language = LANGUAGES.find((candidate) => candidate === runtime)
  if (language !== undefined) return { language }
  if (runtime !== undefined) return { runtime }
  return guess === undefined ? {} : { language: guess }
}

/** Letters, digits, - and _ are what a name may have. */
const nameFrom = (text: string): string =>
  text
    .replace(/[^A-Za-z0-9_-]+/g, '-')
    .replace(/^-+|-+$/g, '')
    .slice(0, 64) || 'function'
