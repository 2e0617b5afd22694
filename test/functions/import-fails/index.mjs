// Imports what does not exist.
import 'no-such-package'
export const handler = async () => 'unreachable'
