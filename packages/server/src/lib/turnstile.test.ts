import { expect, it } from 'vitest'
import { Turnstile } from './turnstile.ts'

const tick = () => new Promise((resolve) => setImmediate(resolve))

it('runs work on one key in order, one at a time, whatever becomes of it', async () => {
  const turnstile = new Turnstile()
  const seen: string[] = []
  const work = (name: string, fails = false) =>
    turnstile.pass('key', async () => {
      seen.push(`${name} in`)
      await tick()
      seen.push(`${name} out`)
      if (fails) throw new Error(name)
      return name
    })
  const ends = await Promise.allSettled([work('a'), work('b', true), work('c')])
  expect(seen).toEqual(['a in', 'a out', 'b in', 'b out', 'c in', 'c out'])
  expect(ends.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled'])
})

it('lets different keys pass side by side', async () => {
  const turnstile = new Turnstile()
  let open = (): void => {}
  const slow = turnstile.pass('slow', () => new Promise<void>((resolve) => (open = resolve)))
  expect(await turnstile.pass('quick', async () => 'through')).toBe('through')
  open()
  await slow
})
