// The context object of a call, with the members AWS documents for Node.

const now = performance.now.bind(performance)

/** `callbacks`: { done, fail, succeed } of the call. */
export function makeContext(init, call, extras, callbacks) {
  const deadline = now() + call.timeoutMs
  return {
    callbackWaitsForEmptyEventLoop: true,
    functionName: init.functionName,
    functionVersion: init.functionVersion,
    invokedFunctionArn: extras.invokedFunctionArn ?? init.invokedFunctionArn,
    memoryLimitInMB: String(init.memoryMb),
    awsRequestId: call.requestId,
    logGroupName: init.logGroup,
    logStreamName: init.logStream,
    identity: extras.identity,
    clientContext: extras.clientContext,
    getRemainingTimeInMillis: () => Math.ceil(deadline - now()),
    done: callbacks.done,
    fail: callbacks.fail,
    succeed: callbacks.succeed,
  }
}
