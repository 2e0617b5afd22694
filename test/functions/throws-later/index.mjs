// Throws from a timer, outside of every promise, before it answers.
export const handler = () =>
  new Promise((resolve) => {
    setTimeout(() => {
      throw new RangeError('from a timer')
    }, 10)
    setTimeout(() => resolve('too late'), 5_000)
  })
