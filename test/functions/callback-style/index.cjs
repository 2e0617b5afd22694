// Handlers that answer by callback and by context.
exports.handler = (event, context, callback) => {
  setTimeout(() => callback(null, { got: event, waited: true }), 5)
}
exports.error = (event, context, callback) => callback(new TypeError('called back'))
exports.textError = (event, context, callback) => callback('just text')
exports.twice = (event, context, callback) => {
  context.succeed('first')
  callback(null, 'second')
}
exports.succeed = (event, context) => context.succeed('succeeded')
exports.fail = (event, context) => context.fail(new Error('failed'))
exports.done = (event, context) => context.done(null, 'done')
exports.nothing = () => {}
exports.plain = (event) => ({ plain: event })
exports.plainWithContext = (event, context) => ({ id: context.awsRequestId.length })

let finished = false
/** Called back at once, but its timer must still run before the answer leaves. */
exports.waitsForLoop = (event, context, callback) => {
  const answer = {
    get finished() {
      return finished
    },
  }
  setTimeout(() => {
    finished = true
  }, 30)
  callback(null, answer)
}
exports.doesNotWait = (event, context, callback) => {
  context.callbackWaitsForEmptyEventLoop = false
  setInterval(() => {}, 1_000)
  callback(null, 'at once')
}
