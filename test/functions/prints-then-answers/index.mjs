// Prints on both streams, in module scope and in each call, then answers.
console.log('loading')
export const handler = async (event) => {
  if (event.silent) return 'silent'
  console.log('on stdout %s', event.tag ?? '')
  console.error('on stderr %s', event.tag ?? '')
  process.stdout.write('raw without newline')
  return 'printed'
}
