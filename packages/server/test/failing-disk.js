// The artifact store's disk, whose n-th change fails: `failing-disk.js?n=7&code=ENOSPC`. With `sticky=1` every later
// write fails as well (a full disk), though removing still works.

import { disk as real } from '../src/artifacts/disk.js'

const query = new URL(import.meta.url).searchParams
const failAt = Number(query.get('n'))
const code = query.get('code') ?? 'EIO'
const sticky = query.get('sticky') === '1'
let changes = 0

const growing = new Set(['mkdir', 'create', 'write', 'fsync', 'rename'])
const changing = new Set([...growing, 'fchmod', 'chmod', 'unlink', 'rmdir'])

export const disk = Object.fromEntries(
  Object.entries(real).map(([name, operation]) => [
    name,
    (/** @type {unknown[]} */ ...parameters) => {
      if (changing.has(name)) changes += 1
      const fails = sticky ? growing.has(name) && changes >= failAt : changing.has(name) && changes === failAt
      if (fails) throw Object.assign(new Error(`${code}: told to fail, ${name}`), { code, syscall: name })
      return Reflect.apply(operation, real, parameters)
    },
  ]),
)
