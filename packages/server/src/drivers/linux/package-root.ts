import { fileURLToPath } from 'node:url'

/**
 * The launcher is Python and is run where it lies in the sources. This file is as deep beneath the package in `dist/` as
 * it is in `src/`, so the same way leads there from both.
 */
export const launcherProgram = fileURLToPath(
  new URL('../../../src/drivers/linux/launcher/launcher.py', import.meta.url),
)
