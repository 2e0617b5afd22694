// Returns a text of as many bytes as asked for, by default more than any answer may have; or exits at once.
export const handler = async (event) => {
  if (event.exit) process.exit(0)
  return 'x'.repeat((event.bytes ?? 7 * 1024 * 1024) - 2)
}
