import { EventEmitter } from 'node:events'
import type { ServerResponse } from 'node:http'
import { expect, it } from 'vitest'
import { BodyBudget } from './body-budget.ts'

const response = (): ServerResponse => new EventEmitter() as ServerResponse
const large = 1024 * 1024

it('lets large bodies in while there is room, refuses the next, and has room again when an answer is out', () => {
  const budget = new BodyBudget(2 * large)
  const [one, two] = [response(), response()]
  budget.take(large, one)
  budget.take(large, two)
  expect(() => budget.take(large, response())).toThrow('Too many large requests')
  one.emit('close')
  expect(budget.bytes).toBe(large)
  budget.take(large, response())
})

it('does not count what is small', () => {
  const budget = new BodyBudget(10)
  for (let count = 0; count < 100; count += 1) budget.take(1000, response())
  expect(budget.bytes).toBe(0)
})
