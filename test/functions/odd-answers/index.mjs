// Returns what JSON has no word for, by name.
const answers = {
  nothing: () => undefined,
  null: () => null,
  bigint: () => 10n,
  'lone-surrogate': () => 'a\ud800b',
  nan: () => Number.NaN,
  function: () => () => 1,
  symbol: () => Symbol('sign'),
  'throwing-getter': () => ({
    get boom() {
      throw new Error('getter said no')
    },
  }),
  'throwing-to-json': () => ({
    toJSON() {
      throw new Error('toJSON said no')
    },
  }),
  date: () => new Date(0),
  deep: () => {
    let deep = []
    for (let i = 0; i < 100_000; i++) deep = [deep]
    return deep
  },
}
export const handler = async ({ kind }) => answers[kind]()
