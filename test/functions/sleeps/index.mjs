// Waits as long as asked for, then answers with its event.
export const handler = async (event) => {
  await new Promise((resolve) => setTimeout(resolve, event.ms ?? 600_000))
  return event
}
