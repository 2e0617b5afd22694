// Is not JavaScript.
export const handler = async ( => 'unreachable'
