// Prints a mebibyte at once and ends its process: nothing of it may be lost.
export const handler = async () => {
  for (let i = 0; i < 1024; i++) process.stdout.write(`${'x'.repeat(1023)}\n`)
  process.exit(0)
}
