// ES module syntax and top-level await in a .js file without a package.json: Node itself finds out.
const loaded = await Promise.resolve('yes')
export const handler = async () => ({ loaded })
