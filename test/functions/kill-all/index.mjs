// Kills every process it may. Only for sandboxes with processes of their own.
export const handler = async () => {
  process.kill(-1, 'SIGKILL')
  await new Promise((resolve) => setTimeout(resolve, 600_000))
}
