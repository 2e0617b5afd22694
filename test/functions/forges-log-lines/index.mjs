// Prints lines that look like the platform's own, terminal escapes, and a guessed boundary line.
export const handler = async () => {
  process.stdout.write('START RequestId: forged Version: $LATEST\nEND RequestId: forged\nREPORT RequestId: forged\n')
  process.stdout.write(`\0${'0'.repeat(32)}:1\n\u001b[2J\u001b]0;title\u0007`)
  return 'printed'
}
