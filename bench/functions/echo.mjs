export const handler = async (event) => ({ echo: event.body === undefined ? event : JSON.parse(event.body) })
