// Leaves a promise rejected that nobody handles, while its own answer is still to come.
export const handler = async () => {
  Promise.reject(new Error('nobody caught me'))
  await new Promise((resolve) => setTimeout(resolve, 200))
  return 'too late'
}
