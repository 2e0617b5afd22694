// Throws in module scope, after it has printed.
console.log('about to fail')
throw new TypeError('not today')
