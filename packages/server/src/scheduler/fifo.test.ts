import fc from 'fast-check'
import { expect, it } from 'vitest'
import { Fifo } from './fifo.ts'

it('behaves like an array under any sequence of pushes, shifts, unshifts and removals', () => {
  const step = fc.oneof(
    fc.record({ do: fc.constant('push' as const), item: fc.nat(20) }),
    fc.record({ do: fc.constant('unshift' as const), item: fc.nat(20) }),
    fc.record({ do: fc.constant('shift' as const), item: fc.nat(0) }),
    fc.record({ do: fc.constant('remove' as const), item: fc.nat(20) }),
  )
  fc.assert(
    fc.property(fc.array(step, { maxLength: 300 }), (steps) => {
      const fifo = new Fifo<{ n: number }>(({ n }) => n)
      const model: { n: number }[] = []
      const known = Array.from({ length: 21 }, (_, n) => ({ n }))
      for (const { do: verb, item } of steps) {
        const thing = known[item] as { n: number }
        if (verb === 'push') {
          fifo.push(thing)
          model.push(thing)
        } else if (verb === 'unshift') {
          fifo.unshift(thing)
          model.unshift(thing)
        } else if (verb === 'shift') {
          expect(fifo.shift()).toBe(model.shift())
        } else {
          const at = model.indexOf(thing)
          if (at >= 0) model.splice(at, 1)
          expect(fifo.remove(thing)).toBe(at >= 0)
        }
        expect(fifo.length).toBe(model.length)
        expect(fifo.weight).toBe(model.reduce((sum, { n }) => sum + n, 0))
        expect(fifo.peek()).toBe(model[0])
      }
    }),
  )
})
