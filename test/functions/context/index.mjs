// Returns what its context object says.
export const handler = async (event, context) => ({
  requestId: context.awsRequestId,
  functionName: context.functionName,
  functionVersion: context.functionVersion,
  arn: context.invokedFunctionArn,
  memory: context.memoryLimitInMB,
  logGroup: context.logGroupName,
  logStream: context.logStreamName,
  remainingMs: context.getRemainingTimeInMillis(),
  custom: context.clientContext?.custom ?? null,
  traceId: process.env._X_AMZN_TRACE_ID ?? null,
})
