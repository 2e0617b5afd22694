import { defineConfig } from 'vitest/config'

// Tests read the sources, not the build: the "source" condition of each package's exports points at src/.
export default defineConfig({
  ssr: { resolve: { conditions: ['source'] } },
  test: {
    include: ['packages/*/{src,test}/**/*.test.ts', 'scripts/**/*.test.ts', 'test/**/*.test.ts'],
    // Real sandboxes on two shared cores: generous limits, because no test asserts a duration.
    testTimeout: 60_000,
    hookTimeout: 60_000,
    maxWorkers: 2,
  },
})
