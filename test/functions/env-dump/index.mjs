// Returns its whole environment.
export const handler = async () => ({ ...process.env })
