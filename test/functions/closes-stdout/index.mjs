// Closes its standard streams, and prints.
import { closeSync } from 'node:fs'

closeSync(1)
closeSync(2)
export const handler = async () => {
  console.log('into nothing')
  console.error('into nothing')
  return 'answered'
}
