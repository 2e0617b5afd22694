// Prints as many bytes as asked for, by default a gibibyte, then answers.
export const handler = async (event) => {
  const line = `${'x'.repeat(1023)}\n`
  const lines = Math.ceil((event.bytes ?? 1024 ** 3) / line.length)
  for (let i = 0; i < lines; i++) {
    if (!process.stdout.write(line)) await new Promise((resolve) => process.stdout.once('drain', resolve))
  }
  return lines
}
