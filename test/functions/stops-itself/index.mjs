// Stops its own process: SIGSTOP.
export const handler = async () => {
  process.kill(process.pid, 'SIGSTOP')
  await new Promise((resolve) => setTimeout(resolve, 100))
  return 'continued'
}
