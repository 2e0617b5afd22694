// Throws values that are not errors, or errors that cannot be read.
const hostile = new Error('hidden')
Object.defineProperty(hostile, 'message', {
  get() {
    throw new Error('no message for you')
  },
})
const thrown = {
  string: 'just text',
  undefined: undefined,
  null: null,
  number: 42,
  object: { code: 7 },
  symbol: Symbol('sign'),
  bare: Object.create(null),
  'hostile-message': hostile,
}
export const handler = async ({ kind = 'string' }) => {
  if (kind === 'huge') throw new Error('x'.repeat(32 * 1024 * 1024))
  throw thrown[kind]
}
