// CommonJS without a package.json, with its names made at run time.
Object.assign(exports, { handler: async (event) => event, nested: { deep: { handler: async () => 'nested' } } })
