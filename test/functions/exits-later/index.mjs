// Answers, and ends its process a moment after.
export const handler = async (event) => {
  setTimeout(() => process.exit(4), event.afterMs ?? 50)
  return 'answered'
}
