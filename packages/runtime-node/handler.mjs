// Finds the user's handler: `dir/file.export`, CommonJS or ES module, as AWS looks for it.

import { existsSync, realpathSync } from 'node:fs'
import { createRequire } from 'node:module'
import { basename, dirname, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { RuntimeError } from './errors.mjs'

const EXTENSIONS = ['.js', '.mjs', '.cjs']

/** Resolves to the function; rejects with what user code threw, or a RuntimeError. */
export async function loadHandler(taskRoot, handler) {
  const { directory, file, path } = split(handler)
  const exports = await loadModule(taskRoot, resolve(taskRoot, directory, file), `${directory}/${file}`)
  let found = exports
  for (const name of path) found = found?.[name]
  if (found === undefined || found === null) {
    throw new RuntimeError('Runtime.HandlerNotFound', `${handler} is undefined or not exported`)
  }
  if (typeof found !== 'function') throw new RuntimeError('Runtime.HandlerNotFound', `${handler} is not a function`)
  return found
}

function split(handler) {
  const name = basename(handler)
  const dot = name.indexOf('.')
  if (dot <= 0 || dot === name.length - 1) throw new RuntimeError('Runtime.MalformedHandlerName', 'Bad handler')
  if (handler.includes('..')) {
    throw new RuntimeError(
      'Runtime.MalformedHandlerName',
      `'${handler}' is not a valid handler name. Use absolute paths when specifying root directories in handler names.`,
    )
  }
  return { directory: dirname(handler), file: name.slice(0, dot), path: name.slice(dot + 1).split('.') }
}

async function loadModule(taskRoot, place, shown) {
  const require = createRequire(resolve(taskRoot, 'handler.js'))
  const file = findFile(require, place, shown)
  let namespace
  try {
    namespace = await import(pathToFileURL(file).href)
  } catch (error) {
    throw loadError(error)
  }
  // What CommonJS exports is the default; its names on the namespace are only a guess from its source.
  return require.cache[file] === undefined ? namespace : namespace.default
}

function findFile(require, place, shown) {
  for (const extension of EXTENSIONS) {
    if (existsSync(place + extension)) return realpathSync(place + extension)
  }
  try {
    // A directory with an index, or a package.
    return realpathSync(require.resolve(place))
  } catch {
    const name = shown.replace(/^\.\//, '')
    throw new RuntimeError('Runtime.ImportModuleError', `Error: Cannot find module '${name}'`)
  }
}

function loadError(error) {
  const code = error?.code
  if (code === 'MODULE_NOT_FOUND' || code === 'ERR_MODULE_NOT_FOUND') {
    return new RuntimeError('Runtime.ImportModuleError', `Error: ${error.message}`, error)
  }
  if (error instanceof SyntaxError) return new RuntimeError('Runtime.UserCodeSyntaxError', String(error), error)
  return error
}
