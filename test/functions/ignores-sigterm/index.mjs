// Ignores every signal that can be ignored, and spins.
for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP', 'SIGQUIT', 'SIGUSR2']) process.on(signal, () => {})
export const handler = async () => {
  for (;;);
}
