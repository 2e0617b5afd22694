// Reads what a client wants a function to be. Everything wrong with it is found in one pass; what comes out is whole:
// the fields given, and for the others what the function has now or the default.

import { ACCESSES, type Access, ISOLATIONS, LANGUAGES, LIMITS, NETWORKS } from '@hearth/protocol'
import type { FunctionConfig, FunctionRecord } from '../domain/function.ts'
import type { Runtime, RuntimeCatalog } from '../domain/runtime.ts'
import { looksLikeUuid } from '../lib/uuid.ts'
import { Faults } from './faults.ts'
import { inlineModule } from './inline-code.ts'
import { RESERVED_ENV } from './reserved-env.ts'
import { type RoutePattern, readRoute } from './route-pattern.ts'

export interface FunctionDraft {
  readonly name: string
  readonly description: string
  readonly route: RoutePattern | null
  readonly access: Access
  readonly config: Omit<FunctionConfig, 'code'>
  readonly code: CodeDraft
}

export type CodeDraft =
  | { readonly kind: 'kept' }
  | { readonly kind: 'inline'; readonly text: string; readonly functionName: string }
  | { readonly kind: 'zip'; readonly bytes: Uint8Array }

/** Fields of `FunctionView` that a client may send back unchanged; they have no effect. */
const readOnlyFields = ['id', 'version', 'code_sha256', 'code_bytes', 'url', 'created_at', 'updated_at']
const fields = [
  'name',
  'description',
  'language',
  'runtime',
  'code',
  'zip',
  'handler',
  'function_name',
  'timeout',
  'memory',
  'env',
  'route',
  'access',
  'isolation',
  'network',
]
/** Names that are words of the API's own paths. */
const reservedNames = ['execute']
const defaultFunctionName = 'handler'

/** `current` is null for a new function. `zip` is an archive that came as the request's whole body. */
export function readFunctionDraft(
  input: unknown,
  current: FunctionRecord | null,
  runtimes: RuntimeCatalog,
  zip: Uint8Array | null = null,
): FunctionDraft {
  const faults = new Faults()
  if (typeof input !== 'object' || input === null || Array.isArray(input)) {
    faults.add('body', 'must be an object')
    faults.throwIfAny()
  }
  const reader = new DraftReader(new Map(Object.entries(input as object)), faults, current)
  const draft = reader.read(runtimes, zip)
  faults.throwIfAny()
  return draft
}

class DraftReader {
  readonly #given: ReadonlyMap<string, unknown>
  readonly #faults: Faults
  readonly #current: FunctionRecord | null

  constructor(given: ReadonlyMap<string, unknown>, faults: Faults, current: FunctionRecord | null) {
    this.#given = given
    this.#faults = faults
    this.#current = current
  }

  read(runtimes: RuntimeCatalog, zip: Uint8Array | null): FunctionDraft {
    const now = this.#current
    const before = now?.latest.config
    for (const field of this.#given.keys()) {
      if (!fields.includes(field) && !readOnlyFields.includes(field)) {
        this.#faults.add(field, `is not a field; there are ${fields.join(', ')}`)
      }
    }
    const runtime = this.#runtime(runtimes)
    const code = this.#code(zip)
    const { handler, functionName } = this.#handler(code)
    if (runtime !== null && before !== undefined && runtime.language !== before.language && code.kind === 'kept') {
      this.#faults.add('code', `a function changes from ${before.language} to ${runtime.language} only with new code`)
    }
    return {
      name: this.#name(),
      description: this.#text('description', LIMITS.descriptionLength) ?? now?.description ?? '',
      route: this.#route(),
      access: this.#oneOf('access', ACCESSES) ?? now?.access ?? 'key',
      config: {
        runtime: runtime?.name ?? before?.runtime ?? '',
        language: runtime?.language ?? before?.language ?? 'javascript',
        handler,
        timeoutSeconds:
          this.#whole('timeout', LIMITS.timeoutSecondsMin, LIMITS.timeoutSecondsMax, 'seconds') ??
          before?.timeoutSeconds ??
          LIMITS.timeoutSecondsDefault,
        memoryMb:
          this.#whole('memory', LIMITS.memoryMbMin, LIMITS.memoryMbMax, 'MB') ??
          before?.memoryMb ??
          LIMITS.memoryMbDefault,
        env: this.#env() ?? before?.env ?? {},
        isolation: this.#oneOf('isolation', ['auto', ...ISOLATIONS]) ?? before?.isolation ?? 'auto',
        network: this.#oneOf('network', NETWORKS) ?? before?.network ?? 'none',
      },
      code: this.#codeDraft(code, zip, functionName),
    }
  }

  #name(): string {
    const name = this.#given.get('name')
    if (name === undefined) {
      if (this.#current === null) this.#faults.add('name', 'is required')
      return this.#current?.name ?? ''
    }
    if (typeof name !== 'string' || !/^[A-Za-z0-9_-]{1,64}$/.test(name)) {
      this.#faults.add('name', `must be 1 to ${LIMITS.nameLength} letters, digits, - or _`)
    } else if (reservedNames.includes(name)) {
      this.#faults.add('name', `"${name}" is a word of the API itself`)
    } else if (looksLikeUuid(name)) {
      this.#faults.add('name', 'must not look like an id')
    }
    return String(name)
  }

  #runtime(runtimes: RuntimeCatalog): Runtime | null {
    const language = this.#oneOf('language', LANGUAGES)
    const name = this.#given.get('runtime')
    const there = `this machine has ${
      runtimes
        .list()
        .map((runtime) => [runtime.name, ...runtime.aliases].join(' = '))
        .join('; ') || 'none'
    }`
    if (name === undefined) {
      if (language !== undefined) {
        if (this.#current?.latest.config.language === language) return null
        const found = runtimes.find(language)
        if (found === null) this.#faults.add('language', `there is no runtime for ${language}: ${there}`)
        return found
      }
      if (this.#current === null && this.#given.get('language') === undefined) {
        this.#faults.add('language', `give a language (${LANGUAGES.join(', ')}) or a runtime: ${there}`)
      }
      return null
    }
    // A client that sends a view back names a runtime that may be gone by now; unchanged, it is no fault of this change.
    const before = this.#current?.latest.config
    if (name === before?.runtime && (language ?? before?.language) === before?.language) return null
    const found = typeof name === 'string' ? runtimes.find(name) : null
    if (found === null) {
      this.#faults.add('runtime', `is not a runtime: ${there}`)
    } else if (language !== undefined && found.language !== language) {
      this.#faults.add('runtime', `${found.name} runs ${found.language}, but the language given is ${language}`)
    }
    return found
  }

  /** Which kind of code the function will have; whether the code itself is new. */
  #code(zip: Uint8Array | null): { kind: 'kept' | 'inline' | 'zip'; text: string | null } {
    const code = this.#given.get('code')
    const packed = this.#given.get('zip')
    const sources = [code, packed, zip ?? undefined].filter((source) => source !== undefined).length
    const inlineNow = this.#current?.latest.config.code.inline ?? null
    if (sources > 1) this.#faults.add('code', 'give either code or zip, not both')
    if (sources === 0) {
      if (this.#current === null) this.#faults.add('code', 'give code (text) or zip (base64)')
      return { kind: 'kept', text: inlineNow }
    }
    if (code === undefined) return { kind: 'zip', text: null }
    if (typeof code !== 'string' || code === '') {
      this.#faults.add('code', 'must be text, and not empty')
      return { kind: 'inline', text: '' }
    }
    if (Buffer.byteLength(code) > LIMITS.inlineCodeBytes) {
      this.#faults.add('code', `is larger than ${LIMITS.inlineCodeBytes} bytes; send a zip`)
    }
    // Sent back as it was: nothing new.
    return { kind: code === inlineNow ? 'kept' : 'inline', text: code }
  }

  #handler(code: { kind: 'kept' | 'inline' | 'zip'; text: string | null }): { handler: string; functionName: string } {
    const handler = this.#given.get('handler')
    const functionName = this.#given.get('function_name')
    const inline = code.text !== null
    const before = this.#current?.latest.config
    if (functionName !== undefined) {
      if (!inline) this.#faults.add('function_name', 'is for inline code; a zip has a handler such as file.name')
      if (typeof functionName !== 'string' || !/^[A-Za-z_$][\w$]{0,127}$/.test(functionName)) {
        this.#faults.add('function_name', 'must be the name of a function')
      } else if (handler !== undefined && handler !== `${inlineModule}.${functionName}`) {
        this.#faults.add('function_name', `does not fit the handler; give only one of them`)
      }
      return { handler: `${inlineModule}.${functionName}`, functionName: String(functionName) }
    }
    if (handler === undefined) {
      const keeps = before !== undefined && (!inline || before.code.inline !== null)
      const kept = keeps ? before.handler : `${inlineModule}.${defaultFunctionName}`
      return { handler: kept, functionName: kept.slice(inlineModule.length + 1) }
    }
    if (typeof handler !== 'string' || handler.length > 128 || !handlerForm.test(handler) || handler.includes('..')) {
      this.#faults.add('handler', 'must have the form file.name, such as index.handler or app/main.handler')
    } else if (inline && !/^index\.[A-Za-z_$][\w$]*$/.test(handler)) {
      this.#faults.add('handler', 'inline code is the file index, so its handler has the form index.name')
    }
    return { handler: String(handler), functionName: String(handler).slice(inlineModule.length + 1) }
  }

  #codeDraft(
    code: { kind: 'kept' | 'inline' | 'zip'; text: string | null },
    zip: Uint8Array | null,
    functionName: string,
  ): CodeDraft {
    if (code.kind === 'zip') return { kind: 'zip', bytes: zip ?? this.#base64('zip') }
    if (code.text === null) return { kind: 'kept' }
    // The file depends on the function's name and language too, so those make inline code new.
    const before = this.#current?.latest.config
    const same = code.kind === 'kept' && before?.handler === `${inlineModule}.${functionName}`
    return same ? { kind: 'kept' } : { kind: 'inline', text: code.text, functionName }
  }

  #base64(field: string): Uint8Array {
    const given = this.#given.get(field)
    if (typeof given !== 'string' || given === '') {
      this.#faults.add(field, 'must be a zip archive in base64')
      return new Uint8Array()
    }
    const text = given.replace(/\s+/g, '')
    const bytes = Buffer.from(text, 'base64')
    // Buffer skips what is not base64: then there are fewer bytes than that many characters hold.
    const characters = text.length - (text.endsWith('==') ? 2 : text.endsWith('=') ? 1 : 0)
    if (bytes.length !== Math.floor((characters * 3) / 4)) this.#faults.add(field, 'is not base64')
    else if (bytes.length > LIMITS.zipBytes) this.#faults.add(field, `is larger than ${LIMITS.zipBytes} bytes`)
    return bytes
  }

  #route(): RoutePattern | null {
    const route = this.#given.get('route')
    const text = route === undefined ? (this.#current?.route ?? null) : route
    if (text === null || text === '') return null
    const reading = typeof text === 'string' ? readRoute(text) : { fault: 'must be text or null' }
    if (!('fault' in reading)) return reading
    this.#faults.add('route', reading.fault)
    return null
  }

  #env(): Record<string, string> | undefined {
    const env = this.#given.get('env')
    if (env === undefined) return undefined
    if (typeof env !== 'object' || env === null || Array.isArray(env)) {
      this.#faults.add('env', 'must be an object of names and texts')
      return undefined
    }
    let bytes = 0
    for (const [name, value] of Object.entries(env)) {
      const path = `env.${name.slice(0, 64)}`
      if (!/^[A-Za-z][A-Za-z0-9_]+$/.test(name)) {
        this.#faults.add(path, 'a name is a letter followed by one or more letters, digits or _')
      } else if (RESERVED_ENV.has(name)) this.#faults.add(path, 'is set by the platform itself')
      if (typeof value !== 'string') this.#faults.add(path, 'must be text')
      else if (unstorable.test(value)) this.#faults.add(path, 'must not contain NUL or broken Unicode')
      else bytes += Buffer.byteLength(name) + Buffer.byteLength(value)
    }
    if (bytes > LIMITS.envBytes) {
      this.#faults.add('env', `is ${bytes} bytes, names and values together; at most ${LIMITS.envBytes} are kept`)
    }
    return Object.fromEntries(Object.entries(env))
  }

  #text(field: string, lengthMax: number): string | undefined {
    const value = this.#given.get(field)
    if (value === undefined) return undefined
    if (typeof value !== 'string' || value.length > lengthMax) {
      this.#faults.add(field, `must be text of at most ${lengthMax} characters`)
    } else if (unstorable.test(value)) this.#faults.add(field, 'must not contain NUL or broken Unicode')
    return String(value)
  }

  #whole(field: string, min: number, max: number, unit: string): number | undefined {
    const value = this.#given.get(field)
    if (value === undefined) return undefined
    if (typeof value === 'number' && Number.isInteger(value) && value >= min && value <= max) return value
    this.#faults.add(field, `must be a whole number of ${unit} from ${min} to ${max}`)
    return undefined
  }

  #oneOf<const T extends string>(field: string, words: readonly T[]): T | undefined {
    const value = this.#given.get(field)
    if (value === undefined) return undefined
    const word = words.find((candidate) => candidate === value)
    if (word === undefined) this.#faults.add(field, `must be one of ${words.join(', ')}`)
    return word
  }
}

const handlerForm = /^(?:[\w$-][\w.$-]*\/)*[\w$-][\w.$-]*\.[A-Za-z_$][\w$]*$/
/** Neither an environment nor a UTF-8 column can hold these. */
const unstorable = /\0|\p{Surrogate}/u
