// Throws an error of its own class.
class TeapotError extends Error {
  name = 'TeapotError'
}
export const handler = async (event) => {
  throw new TeapotError(event.message ?? 'short and stout')
}
