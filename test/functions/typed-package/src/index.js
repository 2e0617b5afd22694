// An ES module by its package.json, in a subfolder: handler `src/index.handler`.
import { basename } from 'node:path'
export const handler = async () => basename(import.meta.url)
