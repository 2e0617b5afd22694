// Imported before everything else, so that an old Node says what it needs instead of failing on something it lacks.

const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)
if (major < 20 || (major === 20 && minor < 19)) {
  console.error(`Hearth needs Node 20.19 or newer; this is ${process.version} (${process.execPath}).`)
  process.exit(1)
}
